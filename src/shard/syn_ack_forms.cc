#include "shard/syn_ack_forms.h"

#include "base/check.h"
#include "shard/egress.h"
#include "wire/tcp.h"

namespace levee::shard {
namespace {

constexpr std::size_t kIpHeader = sizeof(wire::Ipv4Header), kTcpHeader = sizeof(wire::TcpHeader);
constexpr std::size_t kMssOption = 4, kBeforeTsValue = 4;

}  // namespace

SynAckForm::SynAckForm(const tcp::HalfOpen& kind, tcp::MssLimits limits, const levee::TcpOptions& options,
                       const InterfaceOptions& interface)
    : ipv4_checksum_offload_(interface.ipv4_checksum_offload), tcp_checksum_offload_(interface.tcp_checksum_offload) {
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
  ip_sum_ = wire::native_sum(packet_.data(), kIpHeader);
  const auto tcp_length = static_cast<std::uint16_t>(length - kIpHeader);
  tcp_sum_ = wire::native_pseudo_header(wire::kProtocolTcp, tcp_length);
  if (!tcp_checksum_offload_) tcp_sum_ = wire::native_sum(packet_.data() + kIpHeader, tcp_length, tcp_sum_);
}

SynAckForm::Words SynAckForm::words_for(const FlowKey4& key, tcp::Seq iss, std::uint32_t acknowledgment,
                                        std::uint32_t ts_value, std::uint32_t ts_echo) {
  const std::uint32_t source = swap_if_little_endian(key.local.value);
  const std::uint32_t destination = swap_if_little_endian(key.remote.value);
  Words words;
  store(reinterpret_cast<std::byte*>(&words.addresses), source);
  store(reinterpret_cast<std::byte*>(&words.addresses) + sizeof(source), destination);
  words.ports = swap_if_little_endian(std::uint32_t{key.local_port} << 16 | key.remote_port);
  words.sequence = swap_if_little_endian(iss.value());
  words.acknowledgment = acknowledgment;
  words.ts_value = ts_value;
  words.ts_echo = ts_echo;
  words.addresses_sum = std::uint64_t{source} + destination;
  words.sum = words.addresses_sum + words.ports + words.sequence + acknowledgment + ts_value + ts_echo;
  return words;
}

SynAckForms::SynAckForms(tcp::MssLimits limits, const levee::TcpOptions& options, const InterfaceOptions& interface)
    : limits_(limits) {
  for (std::uint8_t agreed = 0; agreed < forms_.size(); ++agreed) {
    tcp::HalfOpen kind;
    kind.agreed = agreed & 0xf;
    forms_[agreed] = SynAckForm(kind, limits, options, interface);
  }
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
