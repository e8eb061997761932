// Templates and replies; see flood_frames.h. Both go by fixed offsets: Ethernet without a tag, IPv4 without options.
#include "proof/flood_frames.h"

#include <cstring>
#include <initializer_list>

#include "base/check.h"

namespace levee::proof {
namespace {

constexpr std::size_t kIp = 14, kTcp = 34, kOptions = 54;
constexpr std::size_t kIpChecksum = kIp + 10, kSource = kIp + 12, kDestination = kIp + 16;
constexpr std::size_t kSourcePort = kTcp, kDestinationPort = kTcp + 2, kSequence = kTcp + 4, kAcknowledgment = kTcp + 8;
constexpr std::size_t kDataOffset = kTcp + 12, kFlags = kTcp + 13, kTcpChecksum = kTcp + 16;

std::uint8_t load8(const std::byte* at) { return std::to_integer<std::uint8_t>(*at); }
std::uint16_t load16(const std::byte* at) { return static_cast<std::uint16_t>(load8(at) << 8 | load8(at + 1)); }
std::uint32_t load32(const std::byte* at) { return std::uint32_t{load16(at)} << 16 | load16(at + 2); }
void store16(std::byte* at, std::uint16_t value) {
  at[0] = static_cast<std::byte>(value >> 8);
  at[1] = static_cast<std::byte>(value & 0xff);
}
void store32(std::byte* at, std::uint32_t value) {
  store16(at, static_cast<std::uint16_t>(value >> 16));
  store16(at + 2, static_cast<std::uint16_t>(value));
}

std::uint16_t folded(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(sum);
}
std::uint64_t halves(std::uint32_t value) { return (value >> 16) + (value & 0xffff); }

std::uint64_t sum_of(const std::byte* from, std::size_t length) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < length; i += 2) sum += load16(from + i);
  if (length % 2 != 0) sum += static_cast<std::uint64_t>(load8(from + length - 1)) << 8;
  return sum;
}

}  // namespace

Numbers random_numbers(Random& random) {
  Numbers numbers;
  std::uint64_t drawn = 0;
  std::uint32_t network = 0;
  do {
    drawn = random.next();
    network = static_cast<std::uint32_t>(drawn) >> 24;
  } while (network == 0 || network == 10 || network == 127 || network >= 224);
  numbers.source = Ipv4Address{static_cast<std::uint32_t>(drawn)};
  numbers.source_port = static_cast<std::uint16_t>(1 + (drawn >> 32) % 65535);
  drawn = random.next();
  numbers.sequence = static_cast<std::uint32_t>(drawn);
  numbers.acknowledgment = static_cast<std::uint32_t>(drawn >> 32);
  return numbers;
}

sim::TcpPacket flood_packet(std::uint8_t flags) {
  sim::TcpPacket packet;
  packet.source_mac = kFloodMac;
  packet.destination_mac = kOurMac;
  packet.destination = kOurAddress;
  packet.destination_port = kOpenPort;
  packet.flags = flags;
  packet.window = 64240;
  return packet;
}

FrameTemplate::FrameTemplate(sim::TcpPacket packet) {
  packet.source = {};
  packet.source_port = 0;
  packet.sequence = packet.acknowledgment = 0;
  frame_ = sim::build(packet);
  ip_sum_ = static_cast<std::uint16_t>(~load16(&frame_[kIpChecksum]));
  tcp_sum_ = static_cast<std::uint16_t>(~load16(&frame_[kTcpChecksum]));
}

std::size_t FrameTemplate::write(std::byte* to, const Numbers& numbers) const {
  std::memcpy(to, frame_.data(), frame_.size());
  store32(to + kSource, numbers.source.value);
  store16(to + kSourcePort, numbers.source_port);
  store32(to + kSequence, numbers.sequence);
  store32(to + kAcknowledgment, numbers.acknowledgment);
  const std::uint64_t source = halves(numbers.source.value);
  store16(to + kIpChecksum, static_cast<std::uint16_t>(~folded(ip_sum_ + source)));
  const std::uint64_t changed =
      source + numbers.source_port + halves(numbers.sequence) + halves(numbers.acknowledgment);
  store16(to + kTcpChecksum, static_cast<std::uint16_t>(~folded(tcp_sum_ + changed)));
  return frame_.size();
}

FrameTemplate syn_template(SynLayout layout, std::uint16_t mss, std::uint8_t window_scale) {
  sim::TcpPacket packet = flood_packet(sim::kSyn);
  const auto add = [&](std::initializer_list<unsigned> octets) {
    for (const unsigned octet : octets) packet.raw_options.push_back(static_cast<std::byte>(octet));
  };
  constexpr unsigned kEnd = 0, kNop = 1;
  const auto add_scale = [&] { add({kNop, 3, 3, window_scale}); };
  const auto add_timestamps = [&] { add({8, 10, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0}); };
  if (layout != SynLayout::None) add({2, 4, mss / 256U, mss % 256U});
  switch (layout) {
    case SynLayout::Linux:
      add({4, 2});
      add_timestamps();
      add_scale();
      break;
    case SynLayout::Windows:
      add_scale();
      add({kNop, kNop, 4, 2});
      break;
    case SynLayout::Apple:
      add_scale();
      add({kNop, kNop});
      add_timestamps();
      add({4, 2, kEnd, kEnd});
      break;
    case SynLayout::MssAlone:
    case SynLayout::None:
      break;
  }
  return FrameTemplate(packet);
}

const std::array<FrameTemplate, 5>& syn_templates() {
  static const std::array<FrameTemplate, 5> templates{
      syn_template(SynLayout::Linux, 1400, 7), syn_template(SynLayout::Windows, 1460, 8),
      syn_template(SynLayout::Apple, 1460, 6), syn_template(SynLayout::MssAlone, 1460, 0),
      syn_template(SynLayout::None, 0, 0)};
  return templates;
}

Reply::Reply(std::span<const std::byte> frame) {
  const std::byte* at = frame.data();
  if (frame.size() < kOptions || load16(at + 12) != 0x0800 || load8(at + kIp) != 0x45 || load8(at + kIp + 9) != 6) {
    return;
  }
  const std::size_t ip_length = load16(at + kIp + 2);
  const std::size_t payload = kTcp + std::size_t{load8(at + kDataOffset)} / 16 * 4;
  if (ip_length + kIp > frame.size() || payload < kOptions || payload > ip_length + kIp) return;
  source = {load32(at + kSource)};
  destination = {load32(at + kDestination)};
  source_port = load16(at + kSourcePort);
  destination_port = load16(at + kDestinationPort);
  sequence = load32(at + kSequence);
  acknowledgment = load32(at + kAcknowledgment);
  flags = load8(at + kFlags);
  for (std::size_t i = kOptions; i < payload;) {
    const std::uint8_t kind = load8(at + i);
    if (kind == 0) break;
    if (kind == 1) {
      ++i;
      continue;
    }
    const std::size_t length = i + 1 < payload ? load8(at + i + 1) : 0U;
    if (length < 2 || i + length > payload) return;
    if (kind == 8 && length == 10) {
      has_timestamps = true;
      timestamp = load32(at + i + 2);
    }
    i += length;
  }
  const std::size_t tcp_length = ip_length + kIp - kTcp;
  const std::uint64_t pseudo = halves(source.value) + halves(destination.value) + 6 + tcp_length;
  whole = folded(sum_of(at + kIp, 20)) == 0xffff && folded(pseudo + sum_of(at + kTcp, tcp_length)) == 0xffff;
}

}  // namespace levee::proof
