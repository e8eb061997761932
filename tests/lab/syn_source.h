// Spoofed SYNs from templates, as fast as a core can write them: four in the layouts of real stacks (60 % Linux, 25 %
// Windows, 10 % Apple) and 5 % odd ones, from distinct tuples of 198.18.0.0/15 (RFC 2544), with whole checksums.
// A SYN's sequence number follows from its tuple, so that a reply can be checked without a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/endian.h"
#include "levee/address.h"

namespace levee::lab {

struct SynTarget {
  MacAddress our_mac;
  MacAddress mac;
  Ipv4Address address;
  std::uint16_t tcp_port = 80;
};

class SynSource {
 public:
  // What next() may overwrite: the longest SYN, rounded up so that one copy of constant size does.
  static constexpr std::size_t kFrameRoom = 80;
  static constexpr std::size_t kLayouts = 6;

  // `tuples`: distinct ones before the first comes again; at most 2^32.
  SynSource(const SynTarget& target, std::uint64_t tuples);

  // Writes the next SYN and returns its length.
  std::size_t next(std::byte* to);

  // What is wrong with a reply to one of these SYNs; nullptr if nothing is. Behind a veth the TCP checksum is left to a
  // network card that never comes: then it is not looked at.
  [[nodiscard]] const char* fault_of(std::span<const std::byte> reply, bool with_tcp_checksum) const;

 private:
  struct Template {
    std::array<std::byte, kFrameRoom> bytes{};
    std::size_t length = 0;
  };
  // What one SYN has of its own.
  struct Tuple {
    be32 source;
    be32 sequence;
    be16 source_port;
    be16 ip_checksum;
    be16 tcp_checksum;
    std::uint8_t layout = 0;
  };

  [[nodiscard]] Template make_template(std::size_t layout) const;
  [[nodiscard]] Tuple make_tuple(std::uint64_t index) const;
  static std::size_t write(const Template& from, const Tuple& tuple, std::byte* to);

  SynTarget target_;
  std::array<Template, kLayouts> templates_;
  std::vector<Tuple> tuples_;
  std::size_t next_ = 0;
};

}  // namespace levee::lab
