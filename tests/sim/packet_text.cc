// Frames in words, in tcpdump's manner; see packet.h.
#include <fmt/format.h>

#include "sim/packet.h"

namespace levee::sim {
namespace {

std::string flag_letters(std::uint8_t flags) {
  std::string letters;
  if (flags & kSyn) letters += 'S';
  if (flags & kFin) letters += 'F';
  if (flags & kRst) letters += 'R';
  if (flags & kPsh) letters += 'P';
  if (flags & kUrg) letters += 'U';
  if (flags & 0x40) letters += 'E';
  if (flags & 0x80) letters += 'W';
  if (flags & kAck) letters += '.';
  return letters.empty() ? "none" : letters;
}

std::string describe(const NdpMessage& message) {
  const std::string ends = fmt::format("{} > {} NDP", to_string(message.source), to_string(message.destination));
  if (message.type == 135) return fmt::format("{} who-has {}", ends, to_string(message.target));
  std::string line = fmt::format("{} {} is-at {}", ends, to_string(message.target),
                                 message.target_option ? to_string(*message.target_option) : "?");
  if (message.solicited) line += ", solicited";
  if (message.overrides) line += ", override";
  return line;
}

// Both ends of a TCP packet: IPv6 addresses in brackets.
std::string ends_of(const TcpPacket& packet) {
  return fmt::format("{} > {}", to_string(SocketAddress{packet.source, packet.source_port}),
                     to_string(SocketAddress{packet.destination, packet.destination_port}));
}

}  // namespace

std::string describe(const TcpPacket& packet, std::uint32_t sequence_base, std::uint32_t acknowledgment_base) {
  std::string line = fmt::format("{} Flags [{}] seq {}", ends_of(packet), flag_letters(packet.flags),
                                 static_cast<std::int32_t>(packet.sequence - sequence_base));
  if (!packet.payload.empty()) {
    line += fmt::format(":{}", static_cast<std::int32_t>(packet.sequence - sequence_base +
                                                         static_cast<std::uint32_t>(packet.payload.size())));
  }
  if (packet.has(kAck)) {
    line += fmt::format(" ack {}", static_cast<std::int32_t>(packet.acknowledgment - acknowledgment_base));
  }
  line += fmt::format(" win {}", packet.window);
  std::string options;
  if (packet.mss) options += fmt::format(",mss {}", *packet.mss);
  if (packet.sack_permitted) options += ",sackOK";
  if (packet.timestamps) options += fmt::format(",TS val {} ecr {}", packet.timestamps->value, packet.timestamps->echo);
  if (packet.window_scale) options += fmt::format(",wscale {}", *packet.window_scale);
  for (const SackRange& range : packet.sack) {
    options += fmt::format(",sack {}:{}", static_cast<std::int32_t>(range.left - acknowledgment_base),
                           static_cast<std::int32_t>(range.right - acknowledgment_base));
  }
  if (!options.empty()) line += " options [" + options.substr(1) + "]";
  return line + fmt::format(" length {}", packet.payload.size());
}

std::string describe(std::span<const std::byte> frame) {
  const Dissected parts = dissect(frame);
  std::string line;
  if (parts.tcp) {
    line = describe(*parts.tcp);
  } else if (parts.arp) {
    line = parts.arp->operation == 1
               ? fmt::format("ARP who-has {} tell {}", to_string(parts.arp->target), to_string(parts.arp->sender))
               : fmt::format("ARP reply {} is-at {}", to_string(parts.arp->sender), to_string(parts.arp->sender_mac));
  } else if (parts.ndp) {
    line = describe(*parts.ndp);
  } else if (parts.icmp_error) {
    line = fmt::format("{} > {} ICMP type {} code {} parameter {} quotes {}", to_string(parts.icmp_error->source),
                       to_string(parts.icmp_error->destination), parts.icmp_error->type, parts.icmp_error->code,
                       parts.icmp_error->parameter, parts.icmp_error->quoted.size());
  } else if (parts.icmp) {
    line = fmt::format("{} > {} ICMP type {} id {} seq {} length {}", to_string(parts.icmp->source),
                       to_string(parts.icmp->destination), parts.icmp->type, parts.icmp->identifier,
                       parts.icmp->sequence, parts.icmp->payload.size());
  } else {
    line = fmt::format("frame of {} bytes", frame.size());
  }
  return parts.error.empty() ? line : line + " (" + parts.error + ")";
}

}  // namespace levee::sim
