// The headers of a burst as columns: word k of all frames side by side, so that one vector instruction looks at several
// frames. Finds those that are plain and bare: untagged IPv4 without options or fragments, from and to where they
// should be, carrying a TCP header without text, right in every way; in a buffer of ours alone with kReach bytes of
// room. A flood is made of these. For any other frame nothing is known: plain_packet.h looks at it by itself.
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
  static constexpr std::size_t kMost = 64;   // frames
  static constexpr std::size_t kReach = 78;  // bytes of a frame that are read, whatever its length
  using Column = std::array<std::uint32_t, kMost>;
  // Places in `words`.
  static constexpr std::size_t kIpBegin = 0;  // version, header length, TOS, total length
  static constexpr std::size_t kIpFragment = 1, kIpProtocol = 2, kIpSource = 3, kIpDestination = 4;
  static constexpr std::size_t kTcpPorts = 5, kTcpSequence = 6, kTcpAcknowledgment = 7;
  static constexpr std::size_t kTcpFlags = 8;  // header length, flags, window
  static constexpr std::size_t kTcpChecksum = 9, kTcpOptions = 10;

  // The frames: their first bytes, or kReach bytes of nothing; length, 0 for those; port 16, the states of the IPv4
  // checksum 8 and of TCP's 8.
  std::array<const std::byte*, kMost> from;
  alignas(64) Column length;
  alignas(64) Column arrival;
  // Their words, as the machine reads the bytes: the first 16 bytes, and those from byte 14 on.
  alignas(64) std::array<Column, 4> ethernet;
  alignas(64) std::array<Column, 16> words;
};

class PlainFinder {
 public:
  PlainFinder(const Topology& topology, VectorUnit unit);  // REQUIRES: machine_has(unit)

  // Fills `columns` from the frames and judges them: a bit for each that is plain and bare. The keys of those are in
  // `keys` afterwards, FlowKey4's two words, ready to be hashed. From 1 to kMost frames.
  [[nodiscard]] std::uint64_t find(std::span<const Frame> frames, HeaderColumns& columns, SipLanes<2>& keys) const;

  // What frames are compared with, as it lies in them.
  struct Rules {
    struct Own {
      std::uint32_t address, mask, host_mask, has_broadcast;  // the last one all ones or 0
    };
    std::uint32_t port = 0, mac_begin = 0, mac_end = 0;
    std::vector<Own> own;
  };

 private:
  std::vector<Rules> rules_;  // by port; one without addresses finds nothing
  std::uint64_t (*judge_)(HeaderColumns&, std::size_t, const Rules&, SipLanes<2>&);
};

}  // namespace levee::shard
