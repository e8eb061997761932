// SYN-ACKs that are ready but for what each SYN adds: numbers, addresses, ports, timestamps. A form is made once by the
// functions that write every other segment (tcp::syn_ack, write_headers) and filled in by a few stores; its checksums
// are sums of what does not change, to which the words that do are added (RFC 1624).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
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
                                std::uint32_t ts_echo) const {
    return words_for({swap_if_little_endian(key.local.value), swap_if_little_endian(key.remote.value),
                      swap_if_little_endian(std::uint32_t{key.local_port} << 16 | key.remote_port),
                      swap_if_little_endian(iss.value())},
                     acknowledgment, ts_value, ts_echo);
  }
  // `begin` as well.
  [[nodiscard]] Words words_for(const std::array<std::uint32_t, 4>& begin, std::uint32_t acknowledgment,
                                std::uint32_t ts_value, std::uint32_t ts_echo) const {
    const auto& [source, destination, ports, sequence] = begin;
    const std::uint64_t addresses = std::uint64_t{source} + destination;
    const std::uint64_t segment = std::uint64_t{ports} + sequence + acknowledgment + ts_value + ts_echo;
    const std::uint64_t ip_sum = (sums_ & 0xffff) + addresses, tcp_sum = (sums_ >> 16) + addresses;
    const std::uint32_t ip_checksum = frame_.ipv4_checksum ? 0 : wire::finish(ip_sum);
    const std::uint32_t tcp_checksum = frame_.tcp_checksum ? wire::fold(tcp_sum) : wire::finish(tcp_sum + segment);
    return {.begin = begin,
            .acknowledgment = acknowledgment,
            .checksums = ip_checksum | tcp_checksum << 16,
            .timestamps = std::uint64_t{ts_echo} << 32 | ts_value};
  }
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

// The same of IPv6. It is written over the SYN that it answers, whose addresses and TCP ports change places.
class SynAckForm6 {
 public:
  static constexpr std::size_t kRoom = 80;  // bytes; the longest packet has as many

  SynAckForm6() = default;
  SynAckForm6(const tcp::HalfOpen& kind, tcp::MssLimits limits, const levee::TcpOptions& options,
              const InterfaceOptions& interface);

  // What a SYN adds, as it is to lie in the packet; timestamps of 0 where the form has none.
  struct Words {
    std::uint32_t label = 0, sequence = 0, acknowledgment = 0;
    std::uint32_t checksum = 0;    // TCP's, in the low half
    std::uint64_t timestamps = 0;  // TSval and TSecr
  };
  // For the SYN whose IPv6 header is at `ip`; `label` is the caller's. The last three as they are to lie in the packet.
  [[nodiscard]] Words words_for(const std::byte* ip, tcp::Seq iss, std::uint32_t acknowledgment, std::uint32_t ts_value,
                                std::uint32_t ts_echo) const;
  // Writes kRoom bytes from the IPv6 header on. REQUIRES: the SYN's header, without extensions, is there.
  void fill_in(std::byte* ip, const Words& words) const {
    constexpr std::size_t kSource = 8, kDestination = 24, kPorts = 40, kTcpChecksum = 56;
    using Address = std::array<std::uint64_t, 2>;
    const auto from = load<Address>(ip + kSource), to = load<Address>(ip + kDestination);
    const auto ports = load<std::uint32_t>(ip + kPorts);
    store(ip, load<std::uint64_t>(packet_.data()) | words.label);
    store(ip + kSource, to);
    store(ip + kDestination, from);
    std::memcpy(ip + kPorts, packet_.data() + kPorts, kRoom - kPorts);
    store(ip + kPorts, std::rotl(ports, 16));
    store(ip + kPorts + 4, words.sequence);
    store(ip + kPorts + 8, words.acknowledgment);
    store(ip + kTcpChecksum, static_cast<std::uint16_t>(words.checksum));
    store(ip + timestamps_at_, words.timestamps);
  }
  // Native sum of what is constant in the segment, folded, with the pseudo-header's share.
  [[nodiscard]] std::uint32_t sum() const { return sum_; }
  [[nodiscard]] const OutFrame& frame() const { return frame_; }
  void describe(OutFrame& frame, std::uint32_t l2_length) const {
    frame = frame_;
    frame.length += l2_length - frame_.l2_length;
    frame.l2_length = static_cast<std::uint8_t>(l2_length);
  }

 private:
  template <typename T>
  static T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  template <typename T>
  static void store(std::byte* to, const T& value) {
    std::memcpy(to, &value, sizeof(value));
  }

  alignas(16) std::array<std::byte, kRoom> packet_{};
  std::uint32_t sum_ = 0;
  OutFrame frame_;                  // untagged
  std::uint8_t timestamps_at_ = 0;  // where TSval lies; behind the packet if there is none
};

// The forms of one listener on one interface, by what the SYN offered.
class SynAckForms {
 public:
  // `limits6`: IPv6's, if it is spoken.
  SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface,
              const std::optional<tcp::MssLimits>& limits6 = std::nullopt);

  // By wire::SynOffer's bits.
  [[nodiscard]] const SynAckForm& operator[](std::uint64_t agreed) const { return forms_[agreed]; }
  [[nodiscard]] const SynAckForm6& six(std::uint64_t agreed) const { return forms6_[agreed]; }
  [[nodiscard]] tcp::MssLimits limits() const { return limits_; }
  [[nodiscard]] tcp::MssLimits limits6() const { return limits6_; }

  // For who makes the checksums of several at once.
  struct Sums {
    // SynAckForm::sums() and SynAckForm6::sum() by what was agreed; one more for those that are none.
    std::array<std::uint32_t, wire::SynOffer::kCombinations + 1> constant{}, constant6{};
    // 0 if the device completes the checksum. Else 16 ones, and all ones; TCP's is that of the pseudo-header otherwise,
    // and not inverted.
    std::uint32_t ip_mask = 0xffff, tcp_mask = 0xffff'ffff;
  };
  [[nodiscard]] const Sums& sums() const { return sums_; }

 private:
  std::array<SynAckForm, wire::SynOffer::kCombinations> forms_;
  std::array<SynAckForm6, wire::SynOffer::kCombinations> forms6_;
  tcp::MssLimits limits_, limits6_;
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
