// Plays an input as a conversation between a shard and three peers, of either IP family: a byte-code of what peers,
// service and time do. The peers know the numbers that the shard uses, so an input gets past the handshake by saying so
// and no more. After every step the shard's invariants, the streams and what was sent are checked (fuzzed_shard.h,
// wire_peer.h).
//
// An operation is a byte, its operands follow. Operations beyond the end of the input do nothing.
#pragma once

#include <array>
#include <vector>

#include "fuzz/fuzzed_shard.h"
#include "fuzz/stream_service.h"
#include "fuzz/target.h"
#include "fuzz/wire_peer.h"

namespace levee::fuzz {

class SegmentPlayer {
 public:
  // Reads the options of the shard and the habits of its service from the front of the input.
  explicit SegmentPlayer(Input& input);

  // The shard opens a connection to the present peer.
  void connect();
  // Operations until the input ends, then the end of everything.
  void play(std::size_t most_steps);
  // The present peer and the shard, for targets with operations of their own.
  [[nodiscard]] WirePeer& peer() { return peers_[present_]; }
  [[nodiscard]] StreamService& service() { return *service_; }
  // SYN, SYN-ACK, ACK.
  void shake_hands();
  // A frame of the present peer's, at once or with the burst that is being collected.
  void arrives(Arrival frame);
  void arrives(sim::Bytes frame) { arrives(Arrival{.bytes = std::move(frame)}); }
  // The shard goes on, and the peers hear what it says.
  void run();
  void step();
  void end();

 private:
  struct Scene {
    ShardOptions options = small_options();
    std::array<IpAddress, 3> peers;
  };
  static Scene read_scene(Input& input);
  SegmentPlayer(Input& input, const Scene& scene);
  void segment_step(std::uint8_t operation);
  void service_step(std::uint8_t operation);
  void other_step(std::uint8_t operation);
  [[nodiscard]] sim::TcpPacket packet(std::uint8_t flags);
  void add_text(sim::TcpPacket& packet, std::uint32_t length, std::uint8_t version = 0);
  void put(const sim::TcpPacket& packet);
  void syn();
  void any_segment();
  void damaged_frame();
  void flush();
  void listen_to_shard();
  void answer_arp(const sim::ArpMessage& request);
  void answer_solicitation(const sim::NdpMessage& asked);

  Input* input_;
  StreamService* service_;
  FuzzedShard fuzzed_;
  std::array<WirePeer, 3> peers_;
  std::size_t present_ = 0;
  std::vector<Arrival> burst_;
  std::vector<sim::Bytes> history_;
  bool collects_ = false, answers_ = true;
};

}  // namespace levee::fuzz
