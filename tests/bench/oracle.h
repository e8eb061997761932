// What is right: every reply of a run is taken apart by code that shares nothing with levee's and compared with what it
// answers. All of these throw VoidRun.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/endpoint.h"
#include "bench/traffic.h"

namespace levee::bench {

// What a SYN-ACK told the client.
struct SynAck {
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;  // TSval, if both sides use timestamps
};

// One reply for each SYN, in any order: MACs, addresses and ports swapped, checksums, ACK = SEQ + 1, options that were
// offered, the timestamp echoed, no more bytes than the SYN had. The result is in the order of the SYNs.
[[nodiscard]] std::vector<SynAck> check_syn_acks(std::span<const Syn> syns, std::span<const Packet> replies);

// The ACK that completes the handshake, and the RST that ends what it opened.
[[nodiscard]] Packet ack_of(const Syn& syn, const SynAck& answer);
[[nodiscard]] Packet rst_of(const Syn& syn);

// The ACKs of these cookies open connections, which are then reset.
void check_cookies(Endpoint& endpoint, std::span<const Syn> syns, std::span<const SynAck> answers);

void require(bool condition, const char* what);
void require_equal(std::uint64_t found, std::uint64_t wanted, const char* what);

}  // namespace levee::bench
