// Frames at the seam between floor 3 and a shard. A received Frame is a view of a device's buffer; an OutFrame is a
// header in one buffer plus slices of payload blocks that the device gathers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/block.h"
#include "levee/time.h"

namespace levee::shard {

// What floor 3 may say about a received checksum. `Verified` only where the device has earned trust; the driver's
// "good" from a virtual device, its "bad" and its "unknown" are all `Unverified` and summed in software. `Partial` is a
// pseudo-header sum from a virtio peer that negotiated it.
enum class ChecksumState : std::uint8_t { Unverified, Verified, Partial };

// A received frame, or one piece of it. The shard takes over one ref of each piece's block at `receive`.
struct Frame {
  std::byte* data = nullptr;  // Ethernet header, in the first piece
  std::uint32_t length = 0;   // bytes in this piece
  Block* block = nullptr;
  const Frame* next = nullptr;  // further pieces; the descriptors live as long as the call
  std::uint32_t flow_hash = 0;  // the device's Toeplitz hash, 0 if it has none
  std::uint16_t port = 0;
  ChecksumState ip_checksum = ChecksumState::Unverified;
  ChecksumState tcp_checksum = ChecksumState::Unverified;
  bool exclusive = false;  // nobody else reads this buffer: a reply may be written into it
};

inline constexpr std::size_t kMaxSlices = 8;    // gather pieces of an outgoing frame
inline constexpr std::size_t kMaxPieces = 32;   // pieces of a received frame; a longer chain is dropped as header_split
inline constexpr std::size_t kMaxHeader = 138;  // Ethernet 14 + VLAN 4 + IP 60 + TCP 60

// A frame to send. The one ref of `head` passes to floor 3. The slices are borrowed: floor 3 attaches or copies them
// before its next call into the shard. Checksum fields hold the pseudo-header sum (TCP) or 0 (IPv4) where the device
// was said to complete them, else they are complete.
struct OutFrame {
  Block* head = nullptr;
  std::byte* data = nullptr;  // within head's buffer
  std::uint32_t length = 0;   // bytes at data, without the slices
  std::uint16_t port = 0;
  std::uint8_t l2_length = 0, l3_length = 0, l4_length = 0;  // header lengths, for offloads
  bool ipv4_checksum = false;                                // the device completes the IPv4 header checksum
  bool tcp_checksum = false;                                 // the device completes the TCP checksum
  std::span<const Slice> slices;                             // payload; the shard's until outgoing_taken()

  [[nodiscard]] std::uint32_t total_length() const {
    std::uint32_t total = length;
    for (const Slice& slice : slices) total += slice.length;
    return total;
  }
};

}  // namespace levee::shard
