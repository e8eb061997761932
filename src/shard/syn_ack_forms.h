// SYN-ACKs that are ready but for what each SYN adds: numbers, addresses, ports, timestamps. A form is made once by the
// functions that write every other segment (tcp::syn_ack, write_headers) and filled in by a few stores; its checksums
// are sums of what does not change, to which the words that do are added (RFC 1624).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/endian.h"
#include "levee/options.h"
#include "shard/flow_key.h"
#include "shard/frame.h"
#include "shard/topology.h"
#include "tcp/half_open.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"

namespace levee::shard {

class SynAckForm {
 public:
  static constexpr std::size_t kRoom = 64;  // bytes; the longest packet has 60

  SynAckForm() = default;
  SynAckForm(const tcp::HalfOpen& kind, tcp::MssLimits limits, const levee::TcpOptions& options,
             const InterfaceOptions& interface);

  // What a SYN adds, as it is to lie in the packet; timestamps of 0 where the form has none.
  struct Words {
    std::array<std::uint32_t, 4> begin{};  // source, destination, ports, sequence number
    std::uint32_t acknowledgment = 0, ts_value = 0, ts_echo = 0;
    // Native sums, folded to 16 bits: of both addresses in the low half, of all in the high one.
    std::uint64_t sums = 0;
  };
  // The last three as they are to lie in the packet.
  [[nodiscard]] static Words words_for(const FlowKey4& key, tcp::Seq iss, std::uint32_t acknowledgment,
                                       std::uint32_t ts_value, std::uint32_t ts_echo);
  // Writes kRoom bytes from the IPv4 header on.
  void fill_in(std::byte* ip, const Words& words) const {
    constexpr std::size_t kIpChecksum = 10, kSource = 12, kAcknowledgment = 28, kTcpChecksum = 36;
    // Both checksums at once: the sum of two numbers of 16 bits is folded by adding its carry, which makes no other.
    const std::uint64_t sums = sums_ + words.sums;
    const std::uint64_t checksums = ~(sums + (sums >> 16 & 0xffff'0000'ffff));
    auto ip_checksum = static_cast<std::uint16_t>(checksums);
    auto tcp_checksum = static_cast<std::uint16_t>(checksums >> 32);
    if (checksum_offload_) {
      if (frame_.ipv4_checksum) ip_checksum = 0;
      if (frame_.tcp_checksum) tcp_checksum = wire::fold((sums_ >> 32) + (words.sums & 0xffff));
    }
    std::byte* const timestamps = ip + timestamps_at_;
    std::memcpy(ip, packet_.data(), kRoom);
    store(ip + kIpChecksum, ip_checksum);
    store(ip + kSource, words.begin);
    store(ip + kAcknowledgment, words.acknowledgment);
    store(ip + kTcpChecksum, tcp_checksum);
    store(timestamps, words.ts_value);
    store(timestamps + 4, words.ts_echo);
  }
  // The frame, untagged; where it lies is left to the caller.
  [[nodiscard]] const OutFrame& frame() const { return frame_; }
  // The same for a packet that begins at `l2_length`.
  void describe(OutFrame& frame, std::uint32_t l2_length) const {
    frame = frame_;
    frame.length += l2_length - frame_.l2_length;
    frame.l2_length = static_cast<std::uint8_t>(l2_length);
  }

 private:
  template <typename T>
  static void store(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof(value));
  }

  alignas(16) std::array<std::byte, kRoom> packet_{};
  // Native sums of what is constant, folded: of the IPv4 header in the low half; in the high one of the segment, with
  // the pseudo-header's share.
  std::uint64_t sums_ = 0;
  OutFrame frame_;                  // untagged
  std::uint8_t timestamps_at_ = 0;  // where TSval lies; behind the packet if there is none
  bool checksum_offload_ = false;   // of either checksum, see frame_
};

// The forms of one listener on one interface, by what the SYN offered.
class SynAckForms {
 public:
  SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface);

  // By wire::SynOffer's bits.
  [[nodiscard]] const SynAckForm& operator[](std::uint64_t agreed) const { return forms_[agreed]; }
  [[nodiscard]] tcp::MssLimits limits() const { return limits_; }

 private:
  std::array<SynAckForm, 16> forms_;
  tcp::MssLimits limits_;
};

// All forms of a shard. Listeners with the same options share them.
class SynAckBook {
 public:
  explicit SynAckBook(const Topology& topology);

  [[nodiscard]] const SynAckForms& forms(std::uint16_t listener, std::uint16_t interface) const {
    return forms_[places_[listener * interfaces_ + interface]];
  }

 private:
  std::size_t interfaces_;
  std::vector<std::uint32_t> places_;  // [listener * interfaces + interface]
  std::vector<SynAckForms> forms_;
};

}  // namespace levee::shard
