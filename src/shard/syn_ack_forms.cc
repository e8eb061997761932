#include "shard/syn_ack_forms.h"

#include <cstddef>

#include "base/check.h"
#include "shard/egress.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace levee::shard {
namespace {

constexpr std::size_t kIpHeader = sizeof(wire::Ipv4Header), kIp6Header = sizeof(wire::Ipv6Header);
constexpr std::size_t kTcpHeader = sizeof(wire::TcpHeader);
constexpr std::size_t kMssOption = 4, kBeforeTsValue = 4;

std::uint32_t both(std::uint32_t low, std::uint32_t high) { return low | high << 16; }

}  // namespace

SynAckForm::SynAckForm(const tcp::HalfOpen& kind, tcp::MssLimits limits, const levee::TcpOptions& options,
                       const InterfaceOptions& interface) {
  tcp::OutSegment segment = tcp::syn_ack(kind, Instant{}, limits, options);
  segment.seq = segment.ack = tcp::Seq(0);
  segment.options.ts_value = segment.options.ts_echo = 0;
  std::array<std::byte, kMaxHeader> frame{};
  frame_ = write_headers(nullptr, frame.data(), LinkHeader{}, FlowKey4{}, segment, interface);
  frame_.data = nullptr;
  const std::uint32_t length = frame_.length - frame_.l2_length;
  CHECK(length <= kRoom && (kind.timestamps() || length <= kRoom - 8));
  std::memcpy(packet_.data(), frame.data() + frame_.l2_length, length);
  timestamps_at_ = kRoom - 8;
  if (kind.timestamps()) {
    timestamps_at_ =
        static_cast<std::uint8_t>(kIpHeader + kTcpHeader + (segment.options.has_mss ? kMssOption : 0) + kBeforeTsValue);
  }
  auto& ip = *reinterpret_cast<wire::Ipv4Header*>(packet_.data());
  auto& tcp = *reinterpret_cast<wire::TcpHeader*>(packet_.data() + kIpHeader);
  ip.checksum = 0;
  tcp.checksum = 0;
  const auto tcp_length = static_cast<std::uint16_t>(length - kIpHeader);
  std::uint64_t tcp_sum = wire::native_pseudo_header(wire::kProtocolTcp, tcp_length);
  if (!interface.tcp_checksum_offload) tcp_sum = wire::native_sum(packet_.data() + kIpHeader, tcp_length, tcp_sum);
  sums_ = both(wire::fold(wire::native_sum(packet_.data(), kIpHeader)), wire::fold(tcp_sum));
}

SynAckForm6::SynAckForm6(const tcp::HalfOpen& kind, tcp::MssLimits limits, const levee::TcpOptions& options,
                         const InterfaceOptions& interface) {
  tcp::OutSegment segment = tcp::syn_ack(kind, Instant{}, limits, options);
  segment.seq = segment.ack = tcp::Seq(0);
  segment.options.ts_value = segment.options.ts_echo = 0;
  std::array<std::byte, kMaxHeader> frame{};
  frame_ = write_headers(nullptr, frame.data(), LinkHeader{}, Labelled{}, segment, interface);
  frame_.data = nullptr;
  const std::uint32_t length = frame_.length - frame_.l2_length;
  CHECK(length <= kRoom && (kind.timestamps() || length <= kRoom - 8));
  std::memcpy(packet_.data(), frame.data() + frame_.l2_length, length);
  timestamps_at_ = kRoom - 8;
  if (kind.timestamps()) {
    timestamps_at_ = static_cast<std::uint8_t>(kIp6Header + kTcpHeader + (segment.options.has_mss ? kMssOption : 0) +
                                               kBeforeTsValue);
  }
  reinterpret_cast<wire::TcpHeader*>(packet_.data() + kIp6Header)->checksum = 0;
  const auto tcp_length = static_cast<std::uint16_t>(length - kIp6Header);
  std::uint64_t sum = wire::native_pseudo_header(wire::kProtocolTcp, tcp_length);
  if (!interface.tcp_checksum_offload) sum = wire::native_sum(packet_.data() + kIp6Header, tcp_length, sum);
  sum_ = wire::fold(sum);
}

SynAckForm6::Words SynAckForm6::words_for(const std::byte* ip, tcp::Seq iss, std::uint32_t acknowledgment,
                                          std::uint32_t ts_value, std::uint32_t ts_echo) const {
  Words words{.sequence = swap_if_little_endian(iss.value()),
              .acknowledgment = acknowledgment,
              .timestamps = std::bit_cast<std::uint64_t>(std::array{ts_value, ts_echo})};
  const std::uint64_t sum = wire::native_sum(ip + offsetof(wire::Ipv6Header, source), 32, sum_);
  const std::uint64_t ports = wire::native(ip + kIp6Header);
  const std::uint64_t segment = ports + words.sequence + acknowledgment + ts_value + ts_echo;
  words.checksum = frame_.tcp_checksum ? wire::fold(sum) : wire::finish(sum + segment);
  return words;
}

SynAckForms::SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface,
                         const std::optional<tcp::MssLimits>& limits6)
    : limits_(limits), limits6_(limits6.value_or(limits)) {
  for (std::uint8_t agreed = 0; agreed < forms_.size(); ++agreed) {
    tcp::HalfOpen kind;
    kind.agreed = agreed & 0x1f;
    forms_[agreed] = SynAckForm(kind, limits_, options, interface);
    sums_.constant[agreed] = forms_[agreed].sums();
    if (!limits6) continue;
    forms6_[agreed] = SynAckForm6(kind, limits6_, options, interface);
    sums_.constant6[agreed] = forms6_[agreed].sum();
  }
  if (interface.ipv4_checksum_offload) sums_.ip_mask = 0;
  if (interface.tcp_checksum_offload) sums_.tcp_mask = 0;
}

SynAckBook::SynAckBook(const Topology& topology) : interfaces_(topology.interfaces()) {
  for (std::uint16_t listener = 0; listener < topology.listeners(); ++listener) {
    const levee::TcpOptions& options = topology.listener_options(listener).tcp;
    for (std::uint16_t interface = 0; interface < interfaces_; ++interface) {
      std::uint16_t same = 0;
      while (!(topology.listener_options(same).tcp == options)) ++same;
      if (same < listener) {
        places_.push_back(places_[same * interfaces_ + interface]);
        continue;
      }
      places_.push_back(static_cast<std::uint32_t>(forms_.size()));
      std::optional<tcp::MssLimits> limits6;
      if (topology.has_ipv6()) limits6 = topology.mss_limits(interface, options, kHeaders6);
      forms_.emplace_back(topology.mss_limits(interface, options, kHeaders4), options, topology.interface(interface),
                          limits6);
    }
  }
}

}  // namespace levee::shard
