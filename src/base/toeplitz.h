// The Toeplitz hash of receive-side scaling (Microsoft, "RSS hashing functions"), in software: where a device has no
// RSS, frames still reach the shard that a NIC would have chosen, and an active open can pick a TCP port whose reply
// hashes to its own shard. One table lookup per input byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "levee/address.h"

namespace levee {

class Toeplitz {
 public:
  // `key`: 40 bytes, or the 52 of NICs with longer keys; bytes past the 40th would only matter for longer inputs.
  explicit Toeplitz(std::span<const std::uint8_t> key);

  // The TCP/IPv4 input: both addresses, then both TCP ports, as the received packet has them.
  [[nodiscard]] std::uint32_t hash(Ipv4Address source, Ipv4Address destination, std::uint16_t source_port,
                                   std::uint16_t destination_port) const {
    return word(0, source.value) ^ word(4, destination.value) ^
           word(8, static_cast<std::uint32_t>(source_port) << 16 | destination_port);
  }

  // The TCP/IPv6 input: the same in 36 bytes.
  [[nodiscard]] std::uint32_t hash(const Ipv6Address& source, const Ipv6Address& destination, std::uint16_t source_port,
                                   std::uint16_t destination_port) const;

  // Any input of at most kMaxInput bytes in network byte order; IPv6's is 36 bytes.
  [[nodiscard]] std::uint32_t hash(std::span<const std::byte> input) const;

  static constexpr std::size_t kMaxInput = 36;

 private:
  [[nodiscard]] std::uint32_t word(std::size_t at, std::uint32_t value) const {
    return table_[at][value >> 24] ^ table_[at + 1][value >> 16 & 0xff] ^ table_[at + 2][value >> 8 & 0xff] ^
           table_[at + 3][value & 0xff];
  }

  std::array<std::array<std::uint32_t, 256>, kMaxInput> table_{};  // [place of the byte][its value]
};

}  // namespace levee
