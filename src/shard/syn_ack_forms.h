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
    std::uint64_t addresses = 0;
    std::uint32_t ports = 0, sequence = 0, acknowledgment = 0, ts_value = 0, ts_echo = 0;
    std::uint64_t addresses_sum = 0;  // of their two halves
    std::uint64_t sum = 0;            // of all
  };
  // The last three as they are to lie in the packet.
  [[nodiscard]] static Words words_for(const FlowKey4& key, tcp::Seq iss, std::uint32_t acknowledgment,
                                       std::uint32_t ts_value, std::uint32_t ts_echo);
  // Writes kRoom bytes from the IPv4 header on.
  void fill_in(std::byte* ip, const Words& words) const {
    constexpr std::size_t kIpChecksum = 10, kAddresses = 12, kPorts = 20, kSequence = 24, kTcpChecksum = 36;
    const std::uint16_t ip_checksum = ipv4_checksum_offload_ ? 0 : wire::finish(ip_sum_ + words.addresses_sum);
    const std::uint16_t tcp_checksum =
        tcp_checksum_offload_ ? wire::fold(tcp_sum_ + words.addresses_sum) : wire::finish(tcp_sum_ + words.sum);
    std::memcpy(ip, packet_.data(), kRoom);
    store(ip + kIpChecksum, ip_checksum);
    store(ip + kAddresses, words.addresses);
    store(ip + kPorts, words.ports);
    store(ip + kSequence, words.sequence);
    store(ip + kSequence + 4, words.acknowledgment);
    store(ip + kTcpChecksum, tcp_checksum);
    store(ip + timestamps_at_, words.ts_value);
    store(ip + timestamps_at_ + 4, words.ts_echo);
  }
  // The frame of a packet that begins at `l2_length`; where it lies is left to the caller.
  void describe(OutFrame& frame, std::uint32_t l2_length) const {
    frame = frame_;
    if (l2_length != frame_.l2_length) {
      frame.length += l2_length - frame_.l2_length;
      frame.l2_length = static_cast<std::uint8_t>(l2_length);
    }
  }

 private:
  template <typename T>
  static void store(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof(value));
  }

  alignas(16) std::array<std::byte, kRoom> packet_{};
  std::uint64_t ip_sum_ = 0, tcp_sum_ = 0;  // native sums of what is constant; the pseudo-header's share included
  OutFrame frame_;                          // untagged
  std::uint8_t timestamps_at_ = 0;          // where TSval lies; behind the packet if there is none
  bool ipv4_checksum_offload_ = false, tcp_checksum_offload_ = false;
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
