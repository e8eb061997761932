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
    std::uint32_t acknowledgment = 0;
    std::uint32_t checksums = 0;   // IPv4's in the low half, TCP's in the high one
    std::uint64_t timestamps = 0;  // TSval and TSecr
  };
  // The last three as they are to lie in the packet.
  [[nodiscard]] Words words_for(const FlowKey4& key, tcp::Seq iss, std::uint32_t acknowledgment, std::uint32_t ts_value,
                                std::uint32_t ts_echo) const;
  // Writes kRoom bytes from the IPv4 header on.
  void fill_in(std::byte* ip, const Words& words) const {
    constexpr std::size_t kIpChecksum = 10, kSource = 12, kAcknowledgment = 28, kTcpChecksum = 36;
    std::byte* const timestamps = ip + timestamps_at_;
    std::memcpy(ip, packet_.data(), kRoom);
    store(ip + kIpChecksum, static_cast<std::uint16_t>(words.checksums));
    store(ip + kSource, words.begin);
    store(ip + kAcknowledgment, words.acknowledgment);
    store(ip + kTcpChecksum, static_cast<std::uint16_t>(words.checksums >> 16));
    store(timestamps, words.timestamps);
  }
  // Native sums of what is constant, folded: of the IPv4 header in the low half; in the high one of the segment, with
  // the pseudo-header's share.
  [[nodiscard]] std::uint32_t sums() const { return sums_; }
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
  std::uint32_t sums_ = 0;
  OutFrame frame_;                  // untagged
  std::uint8_t timestamps_at_ = 0;  // where TSval lies; behind the packet if there is none
};

// The forms of one listener on one interface, by what the SYN offered.
class SynAckForms {
 public:
  SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface);

  // By wire::SynOffer's bits.
  [[nodiscard]] const SynAckForm& operator[](std::uint64_t agreed) const { return forms_[agreed]; }
  [[nodiscard]] tcp::MssLimits limits() const { return limits_; }

  // For who makes the checksums of several at once.
  struct Sums {
    std::array<std::uint32_t, 17>
        constant{};  // SynAckForm::sums() by what was agreed; one more for those that are none
    // 0 if the device completes the checksum. Else 16 ones, and all ones; TCP's is that of the pseudo-header otherwise,
    // and not inverted.
    std::uint32_t ip_mask = 0xffff, tcp_mask = 0xffff'ffff;
  };
  [[nodiscard]] const Sums& sums() const { return sums_; }

 private:
  std::array<SynAckForm, 16> forms_;
  tcp::MssLimits limits_;
  Sums sums_;
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
