// The headers of a burst as columns: word k of all frames side by side, so that one vector instruction looks at several
// frames. Finds those that are plain and bare: untagged, of the family of the burst's first frame, without options,
// extensions or fragments, from and to where they should be, carrying a TCP header without text, right in every way; in
// a buffer of ours alone with `kReach` bytes of room. A flood is made of these. For any other frame nothing is known:
// plain_packet.h looks at it by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/siphash_lanes.h"
#include "base/vector_unit.h"
#include "shard/frame.h"
#include "shard/topology.h"

namespace levee::shard {

struct HeaderColumns {
  static constexpr std::size_t kMost = 64;  // frames
  // Bytes of a frame that are read, whatever its length: of IPv4, and of IPv6.
  static constexpr std::size_t kReach = 78, kReach6 = 110;
  using Column = std::array<std::uint32_t, kMost>;
  // Places in `words`; of TCP's words IPv4's.
  static constexpr std::size_t kIpBegin = 0;  // version, header length, TOS, total length
  static constexpr std::size_t kIpFragment = 1, kIpProtocol = 2, kIpSource = 3, kIpDestination = 4;
  static constexpr std::size_t kTcpPorts = 5, kTcpSequence = 6, kTcpAcknowledgment = 7;
  static constexpr std::size_t kTcpFlags = 8;  // header length, flags, window
  static constexpr std::size_t kTcpChecksum = 9, kTcpOptions = 10;
  // Of IPv6: the payload's length, next header, hop limit; four words of each address; and how much further TCP's are.
  static constexpr std::size_t kIp6Length = 1, kIp6Source = 2, kIp6Destination = 6, kIp6Shift = 5;

  // The frames: their first bytes, or kReach6 bytes of nothing; length, 0 for those; port 16, the states of the IPv4
  // checksum 8 and of TCP's 8.
  std::array<const std::byte*, kMost> from;
  alignas(64) Column length;
  alignas(64) Column arrival;
  // Their words, as the machine reads the bytes: the first 16 bytes, and those from byte 14 on.
  alignas(64) std::array<Column, 4> ethernet;
  alignas(64) std::array<Column, 24> words;
};

class PlainFinder {
 public:
  PlainFinder(const Topology& topology, VectorUnit unit);  // REQUIRES: machine_has(unit)

  // Fills `columns` from the frames and judges them: a bit for each that is plain and bare. The keys of those are in
  // `keys` afterwards, FlowKey4's two words, ready to be hashed. From 1 to kMost frames.
  [[nodiscard]] std::uint64_t find(std::span<const Frame> frames, HeaderColumns& columns, SipLanes<2>& keys) const;
  // The same of IPv6, and FlowKey6's five words.
  [[nodiscard]] std::uint64_t find(std::span<const Frame> frames, HeaderColumns& columns, SipLanes<5>& keys) const;

  // What frames are compared with, as it lies in them.
  struct Rules {
    struct Own {
      std::uint32_t address, mask, host_mask, has_broadcast;  // the last one all ones or 0
    };
    std::uint32_t port = 0, mac_begin = 0, mac_end = 0;
    std::vector<Own> own;
    std::vector<std::array<std::uint32_t, 4>> own6;
  };
  using Judge4 = std::uint64_t (*)(HeaderColumns&, std::size_t, const Rules&, SipLanes<2>&);
  using Judge6 = std::uint64_t (*)(HeaderColumns&, std::size_t, const Rules&, SipLanes<5>&);

 private:
  std::vector<Rules> rules_;  // by port; one without addresses of a family finds nothing of it
  Judge4 judge_;
  Judge6 judge6_;
};

}  // namespace levee::shard
