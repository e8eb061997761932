// The checks of a run; see oracle.h.
#include "bench/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/endian.h"
#include "sim/packet.h"

namespace levee::bench {

namespace {

constexpr std::uint32_t kLeastFrame = 60;  // bytes of the shortest Ethernet frame, without FCS

// The first thing that is wrong with the answer to `syn`, or nullptr.
const char* fault_of(const Syn& syn, const sim::TcpPacket& answer, std::uint32_t length) {
  const Offer& offer = syn.offer;
  if (answer.source_mac != kServerMac || answer.destination_mac != kClientMac) return "MAC addresses";
  const IpAddress server = syn.client.ipv6 ? IpAddress(kServer6) : IpAddress(kServer);
  if (answer.source != server || answer.source_port != kServerPort) return "source";
  if (answer.vlan != 0) return "VLAN tag";
  if (answer.flags != (sim::kSyn | sim::kAck | (offer.ecn ? sim::kEce : 0))) return "flags";
  if (answer.acknowledgment != syn.sequence + 1) return "acknowledgment number";
  if (answer.window == 0) return "window";
  if (!answer.payload.empty()) return "payload";
  // Always sent (RFC 9293 3.7.1, MAY-3), but that over IPv6 there is no room beside a SYN without options.
  if (!answer.mss && (!syn.client.ipv6 || offer.mss)) return "MSS";
  if (answer.window_scale.has_value() != offer.window_scale.has_value()) return "window scale";
  if (answer.sack_permitted != offer.sack) return "SACK-permitted";
  if (answer.timestamps.has_value() != offer.timestamp.has_value()) return "timestamps";
  if (answer.timestamps && answer.timestamps->echo != *offer.timestamp) return "timestamp echo";
  if (std::max(length, kLeastFrame) > std::max(syn.packet.length, kLeastFrame))
    return "length: more bytes than the SYN";
  return nullptr;
}

// Of the client that it goes to, whose IPv6 address ends with the other one.
std::uint64_t key_of(const sim::TcpPacket& answer) {
  const IpAddress& to = answer.destination;
  const Ipv4Address address =
      to.is_v4() ? to.v4() : Ipv4Address{load_be32(reinterpret_cast<const std::byte*>(&to.v6().octets[12]))};
  return Client{address, answer.destination_port}.key();
}

}  // namespace

void require(bool condition, const char* what) {
  if (!condition) throw VoidRun(what);
}

void require_equal(std::uint64_t found, std::uint64_t wanted, const char* what) {
  if (found != wanted) throw VoidRun(fmt::format("{}: {} instead of {}", what, found, wanted));
}

std::vector<SynAck> check_syn_acks(std::span<const Syn> syns, std::span<const Packet> replies) {
  require_equal(replies.size(), syns.size(), "replies to SYNs");
  std::unordered_map<std::uint64_t, std::size_t> open;
  open.reserve(syns.size());
  for (std::size_t i = 0; i < syns.size(); ++i) open.emplace(syns[i].client.key(), i);
  std::vector<SynAck> answers(syns.size());
  for (const Packet& reply : replies) {
    const sim::Dissected dissected = sim::dissect(reply.bytes());
    if (!dissected.error.empty() || !dissected.tcp) {
      throw VoidRun(fmt::format("a reply is malformed: {}", dissected.error));
    }
    const sim::TcpPacket& answer = *dissected.tcp;
    const auto found = open.find(key_of(answer));
    require(found != open.end(), "a reply goes to nobody who asked, or twice");
    const Syn& syn = syns[found->second];
    if (const char* fault = fault_of(syn, answer, reply.length)) {
      throw VoidRun(fmt::format("a SYN-ACK is wrong in its {}: {}, in answer to {}", fault,
                                sim::describe(reply.bytes()), sim::describe(syn.packet.bytes())));
    }
    answers[found->second] = {answer.sequence, answer.timestamps ? answer.timestamps->value : 0};
    open.erase(found);
  }
  return answers;
}

Packet ack_of(const Syn& syn, const SynAck& answer) {
  Segment ack{.sequence = syn.sequence + 1, .acknowledgment = answer.sequence + 1, .flags = sim::kAck};
  if (syn.offer.timestamp) {
    ack.timestamp = *syn.offer.timestamp + 1;
    ack.echo = answer.timestamp;
  }
  return segment_of(syn.client, ack);
}

Packet rst_of(const Syn& syn) { return segment_of(syn.client, {.sequence = syn.sequence + 1, .flags = sim::kRst}); }

void check_cookies(Endpoint& endpoint, std::span<const Syn> syns, std::span<const SynAck> answers) {
  const std::uint64_t opened = endpoint.count(Counter::SyncookiesRecv);
  const std::size_t connections = endpoint.shard().connections();
  std::vector<Packet> acks, resets;
  for (std::size_t i = 0; i < syns.size(); ++i) {
    acks.push_back(ack_of(syns[i], answers[i]));
    resets.push_back(rst_of(syns[i]));
  }
  require(endpoint.exchange(acks).empty(), "the ACK of a cookie was answered");
  require_equal(endpoint.count(Counter::SyncookiesRecv) - opened, syns.size(), "cookies accepted");
  require_equal(endpoint.shard().connections() - connections, syns.size(), "connections opened by cookies");
  require(endpoint.exchange(resets).empty(), "an RST was answered");
  require_equal(endpoint.shard().connections(), connections, "connections after their RSTs");
}

}  // namespace levee::bench
