#include "shard/syn_ack_forms.h"

#include "base/check.h"
#include "shard/egress.h"
#include "wire/tcp.h"

namespace levee::shard {
namespace {

constexpr std::size_t kIpHeader = sizeof(wire::Ipv4Header), kTcpHeader = sizeof(wire::TcpHeader);
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

SynAckForm::Words SynAckForm::words_for(const FlowKey4& key, tcp::Seq iss, std::uint32_t acknowledgment,
                                        std::uint32_t ts_value, std::uint32_t ts_echo) const {
  Words words{.begin = {swap_if_little_endian(key.local.value), swap_if_little_endian(key.remote.value),
                        swap_if_little_endian(std::uint32_t{key.local_port} << 16 | key.remote_port),
                        swap_if_little_endian(iss.value())},
              .acknowledgment = acknowledgment,
              .timestamps = std::bit_cast<std::uint64_t>(std::array{ts_value, ts_echo})};
  const auto& [source, destination, ports, sequence] = words.begin;
  const std::uint64_t addresses = std::uint64_t{source} + destination;
  const std::uint64_t segment = std::uint64_t{ports} + sequence + acknowledgment + ts_value + ts_echo;
  const std::uint64_t ip_sum = (sums_ & 0xffff) + addresses, tcp_sum = (sums_ >> 16) + addresses;
  words.checksums = both(frame_.ipv4_checksum ? 0 : wire::finish(ip_sum),
                         frame_.tcp_checksum ? wire::fold(tcp_sum) : wire::finish(tcp_sum + segment));
  return words;
}

SynAckForms::SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface)
    : limits_(limits) {
  for (std::uint8_t agreed = 0; agreed < forms_.size(); ++agreed) {
    tcp::HalfOpen kind;
    kind.agreed = agreed & 0xf;
    forms_[agreed] = SynAckForm(kind, limits, options, interface);
    sums_.constant[agreed] = forms_[agreed].sums();
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
      forms_.emplace_back(topology.mss_limits(interface, options), options, topology.interface(interface));
    }
  }
}

}  // namespace levee::shard
