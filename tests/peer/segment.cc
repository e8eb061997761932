// Bytes of the test client's frames; see segment.h.
#include "peer/segment.h"

#include <cstring>

namespace levee::peer {
namespace {

constexpr std::size_t kEthernet = 14, kIpv4 = 20, kTcp = 20;
constexpr std::uint16_t kDontFragment = 0x4000;

std::uint8_t u8(std::span<const std::byte> from, std::size_t at) { return std::to_integer<std::uint8_t>(from[at]); }
std::uint16_t u16(std::span<const std::byte> from, std::size_t at) {
  return static_cast<std::uint16_t>(u8(from, at) << 8 | u8(from, at + 1));
}
std::uint32_t u32(std::span<const std::byte> from, std::size_t at) {
  return static_cast<std::uint32_t>(u16(from, at)) << 16 | u16(from, at + 2);
}

// Appends big-endian numbers.
class Pen {
 public:
  explicit Pen(FrameBuffer& to) : to_(to) {}
  void u8(unsigned value) { to_[at_++] = static_cast<std::byte>(value & 0xff); }
  void u16(unsigned value) {
    u8(value >> 8);
    u8(value);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value & 0xffff);
  }
  void mac(const MacAddress& address) {
    for (const std::uint8_t octet : address.octets) u8(octet);
  }
  void bytes(std::span<const std::byte> from) {
    if (!from.empty()) std::memcpy(to_.data() + at_, from.data(), from.size());
    at_ += from.size();
  }
  void patch16(std::size_t at, unsigned value) {
    to_[at] = static_cast<std::byte>(value >> 8 & 0xff);
    to_[at + 1] = static_cast<std::byte>(value & 0xff);
  }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::span<const std::byte> from(std::size_t begin) const {
    return std::span(to_).first(at_).subspan(begin);
  }

 private:
  FrameBuffer& to_;
  std::size_t at_ = 0;
};

// RFC 1071.
std::uint64_t add_words(std::span<const std::byte> bytes, std::uint64_t sum) {
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += u16(bytes, i);
  if (i < bytes.size()) sum += static_cast<std::uint64_t>(u8(bytes, i)) << 8;
  return sum;
}
std::uint16_t fold(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint64_t pseudo_header(std::span<const std::byte> ip, std::size_t segment_length) {
  return add_words(ip.subspan(12, 8), 6 + segment_length);
}

// Linux: MSS; SACK-permitted before the timestamp where both are there, else padded; window scale.
void write_options(Pen& pen, const Segment& segment) {
  if (segment.mss) {
    pen.u16(0x0204);
    pen.u16(*segment.mss);
  }
  if (segment.timestamps) {
    pen.u16(segment.sack_permitted ? 0x0402 : 0x0101);
    pen.u16(0x080a);
    pen.u32(segment.timestamps->value);
    pen.u32(segment.timestamps->echo);
  } else if (segment.sack_permitted) {
    pen.u32(0x01010402);
  }
  if (segment.window_scale) {
    pen.u8(1);
    pen.u16(0x0303);
    pen.u8(*segment.window_scale);
  }
}

bool read_options(std::span<const std::byte> options, Segment& segment) {
  for (std::size_t at = 0; at < options.size();) {
    const unsigned kind = u8(options, at);
    if (kind == 0) return true;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return false;
    const unsigned length = u8(options, at + 1);
    if (length < 2 || at + length > options.size()) return false;
    if (kind == 2 && length == 4) segment.mss = u16(options, at + 2);
    if (kind == 3 && length == 3) segment.window_scale = u8(options, at + 2);
    if (kind == 4 && length == 2) segment.sack_permitted = true;
    if (kind == 8 && length == 10) segment.timestamps = Clock{u32(options, at + 2), u32(options, at + 6)};
    at += length;
  }
  return true;
}

}  // namespace

std::span<const std::byte> write(const Segment& segment, const Link& link, FrameBuffer& to) {
  Pen pen(to);
  pen.mac(link.to);
  pen.mac(link.from);
  pen.u16(0x0800);
  pen.u16(0x4500);
  pen.u16(0);  // total length, below
  pen.u16(0);
  pen.u16(kDontFragment);
  pen.u16(64 << 8 | 6);
  pen.u16(0);
  pen.u32(segment.source.value);
  pen.u32(segment.destination.value);
  pen.u16(segment.source_port);
  pen.u16(segment.destination_port);
  pen.u32(segment.sequence);
  pen.u32(segment.acknowledgment);
  pen.u16(segment.flags);
  pen.u16(segment.window);
  pen.u32(0);
  write_options(pen, segment);
  const std::size_t header = pen.at() - kEthernet - kIpv4;
  pen.bytes(segment.payload);
  pen.patch16(kEthernet + kIpv4 + 12, static_cast<unsigned>(header / 4 << 12) | segment.flags);
  pen.patch16(kEthernet + 2, static_cast<unsigned>(pen.at() - kEthernet));
  const auto ip = pen.from(kEthernet);
  pen.patch16(kEthernet + 10, static_cast<std::uint16_t>(~fold(add_words(ip.first(kIpv4), 0))));
  const auto tcp = ip.subspan(kIpv4);
  pen.patch16(kEthernet + kIpv4 + 16, static_cast<std::uint16_t>(~fold(add_words(tcp, pseudo_header(ip, tcp.size())))));
  return pen.from(0);
}

std::optional<Segment> read(std::span<const std::byte> frame) {
  if (frame.size() < kEthernet + kIpv4 + kTcp || u16(frame, 12) != 0x0800) return std::nullopt;
  auto ip = frame.subspan(kEthernet);
  const std::size_t total = u16(ip, 2);
  if (u8(ip, 0) != 0x45 || u8(ip, 9) != 6 || total < kIpv4 + kTcp || total > ip.size()) return std::nullopt;
  ip = ip.first(total);
  if (fold(add_words(ip.first(kIpv4), 0)) != 0xffff) return std::nullopt;
  const auto tcp = ip.subspan(kIpv4);
  const std::size_t header = std::size_t{u8(tcp, 12)} >> 4 << 2;
  if (header < kTcp || header > tcp.size()) return std::nullopt;
  if (fold(add_words(tcp, pseudo_header(ip, tcp.size()))) != 0xffff) return std::nullopt;
  Segment segment;
  segment.source = {u32(ip, 12)};
  segment.destination = {u32(ip, 16)};
  segment.source_port = u16(tcp, 0);
  segment.destination_port = u16(tcp, 2);
  segment.sequence = u32(tcp, 4);
  segment.acknowledgment = u32(tcp, 8);
  segment.flags = u8(tcp, 13);
  segment.window = u16(tcp, 14);
  segment.payload = tcp.subspan(header);
  if (!read_options(tcp.subspan(kTcp, header - kTcp), segment)) return std::nullopt;
  return segment;
}

bool is_arp(std::span<const std::byte> frame) { return frame.size() >= kEthernet && u16(frame, 12) == 0x0806; }

}  // namespace levee::peer
