// TCP frames of a flood, many a microsecond: a frame is built once by the byte-by-byte builder of the tests; each copy
// gets its own source and numbers, and checksums that are brought up to date instead of summed again (RFC 1624).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/random.h"
#include "sim/packet.h"

namespace levee::proof {

inline constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}}, kFloodMac{{2, 0, 0, 0, 0, 66}};
inline constexpr Ipv4Address kOurAddress{0x0a000001};  // on 10.0.0.0/24
inline constexpr std::uint16_t kOpenPort = 80;

// What differs from frame to frame.
struct Numbers {
  Ipv4Address source{};
  std::uint16_t source_port = 0;
  std::uint32_t sequence = 0, acknowledgment = 0;
};

// From any host of the Internet to one of ours; never from a source that is dropped for itself.
[[nodiscard]] Numbers random_numbers(Random& random);

// A packet from the flood to our listener.
[[nodiscard]] sim::TcpPacket flood_packet(std::uint8_t flags);

class FrameTemplate {
 public:
  explicit FrameTemplate(sim::TcpPacket packet);

  // Returns the length; REQUIRES: as much room.
  std::size_t write(std::byte* to, const Numbers& numbers) const;
  [[nodiscard]] std::size_t length() const { return frame_.size(); }

 private:
  sim::Bytes frame_;
  std::uint64_t ip_sum_ = 0, tcp_sum_ = 0;  // of all but the numbers
};

// A SYN's options, in the order in which these systems send them: byte by byte, as they are compared as words.
enum class SynLayout : std::uint8_t { Linux, Windows, Apple, MssAlone, None };
[[nodiscard]] FrameTemplate syn_template(SynLayout layout, std::uint16_t mss, std::uint8_t window_scale);

// One of each layout, in the order of SynLayout.
[[nodiscard]] const std::array<FrameTemplate, 5>& syn_templates();

// What a test looks at in a reply, read without allocating.
struct Reply {
  explicit Reply(std::span<const std::byte> frame);

  bool whole = false;  // IPv4 and TCP headers are there, untagged and without IP options, and both checksums hold
  Ipv4Address source{}, destination{};
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint32_t sequence = 0, acknowledgment = 0;
  std::uint8_t flags = 0;
  bool has_timestamps = false;
  std::uint32_t timestamp = 0;
};

}  // namespace levee::proof
