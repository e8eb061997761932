// The headers of a burst as columns: word k of all frames side by side, so that one vector instruction looks at several
// frames. Finds those that are plain and bare: untagged IPv4 without options or fragments, from and to where they
// should be, carrying a TCP header without text, right in every way; in a buffer of ours alone with kReach bytes of
// room. A flood is made of these. For any other frame nothing is known: plain_packet.h looks at it by itself.
//
// The columns begin at byte 10 of the frame:   w0 10 MAC's end, 12 EtherType, 14 IPv4   w1 18   w2 26 addresses
// w3 34 TCP ports, sequence   w4 42 acknowledgment, offset, flags, window   w5 50 checksum   w5+ 54 options ... 78
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/vector_unit.h"
#include "shard/frame.h"
#include "shard/topology.h"

namespace levee::shard {

struct HeaderColumns {
  static constexpr std::size_t kMost = 64;   // frames
  static constexpr std::size_t kReach = 82;  // bytes of a frame that are read, whatever its length
  using Column = std::array<std::uint64_t, kMost>;

  // In, as the machine reads the bytes:
  alignas(64) Column mac, w0, w1, w2, w3, w4, w5, w6, w7, w8;
  alignas(64) Column meta;  // length 32, port 16, the states of both checksums 8 each
  // Out, in host order:
  alignas(64) Column bad;        // 0: plain and bare
  alignas(64) Column addresses;  // FlowKey4::addresses()
  alignas(64) Column ports;      // FlowKey4::ports()
};

class PlainFinder {
 public:
  PlainFinder(const Topology& topology, VectorUnit unit);  // REQUIRES: machine_has(unit)

  // Fills `columns` from the frames and judges them; `bad` is right for each of them. At most kMost frames.
  void find(std::span<const Frame> frames, HeaderColumns& columns) const;

  // What frames are compared with, as it lies in them.
  struct Rules {
    struct Own {
      std::uint64_t address, mask, host_mask, has_broadcast;  // the last one all ones or 0
    };
    std::uint64_t port = 0, mac = 0;
    std::vector<Own> own;
  };

 private:
  std::vector<Rules> rules_;  // by port; one without addresses finds nothing
  void (*judge_)(HeaderColumns&, std::size_t, const Rules&);
};

}  // namespace levee::shard
