// A conversation between one shard, driven by hand, and peers that the test plays:
//
//   TEST(Handshake, AnswersSyn) {
//     Conversation talk;                        // 10.0.0.1, TCP port 80 listens, RecordingService behind it
//     Peer& peer = talk.peer();                 // 10.0.0.2:40000
//     peer.sends(syn().mss(1460));
//     peer.expects(syn_ack().ack(1).mss(1460)); // only the named fields are compared
//     peer.sends(ack());                        // sequence numbers follow by themselves; .seq(n), .ack(n) override
//     peer.sends(data("hello"));
//     peer.expects(ack(6));
//     talk.service().connection.close();
//     peer.expects(fin());
//     talk.advance(200ms);                      // timers fire in order on the way
//     peer.expects(fin().seq(1));               // the retransmission
//     peer.expects_nothing();
//   }
//
// `expects` takes the next frame for that peer that the shard has sent; it runs the shard first, so that what the test
// did to a connection takes effect. Every frame sent is checked for malformed headers and bad checksums, the shard's
// invariants and the balance of buffers after every step; at the end no frame may be left unexpected, unless the test
// says `talk.ignores_the_rest()`. Timestamps, once negotiated, are added to what the peer sends. ARP and neighbour
// discovery go on behind the scenes, unless `ConversationOptions::arp` is false. The same conversation over IPv6:
// `Conversation talk(ConversationOptions().over_ipv6());`.
#pragma once

#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "device/memory.h"
#include "levee/service.h"
#include "shard/shard.h"
#include "sim/packet.h"
#include "sim/recording_service.h"
#include "sim/test_segment.h"

namespace levee::sim {

class Conversation;

// A segment that the shard sent, and when.
struct Seen : TcpPacket {
  Instant at{};
};

struct PeerOptions {
  IpAddress address = Ipv4Address{0x0a000002};  // it speaks to the shard's first address of this family
  MacAddress mac{{2, 0, 0, 0, 0, 2}};
  std::uint16_t tcp_port = 40000;
  std::uint16_t shard_port = 80;  // 0: learnt from the shard's SYN (active open)
  std::uint32_t iss = 1000;
  std::uint16_t window = 65535;  // the field of what it sends, unless the segment says otherwise
};

// What a handshake negotiates when it is not the point of the test.
struct HandshakeOptions {
  std::uint16_t mss = 1460;
  int scale = -1;  // -1: not offered
  bool sack = false;
  bool timestamps = false;
};

class Peer {
 public:
  Peer(Conversation& talk, const PeerOptions& options);

  // One burst; each segment's default numbers follow those before it.
  void sends(const TestSegment& segment) { sends({segment}); }
  void sends(std::initializer_list<TestSegment> burst);
  Seen expects(const TestSegment& segment, const char* file = __builtin_FILE(), int line = __builtin_LINE());
  void expects_nothing(const char* file = __builtin_FILE(), int line = __builtin_LINE());
  // SYN, SYN-ACK, ACK.
  void opens(const HandshakeOptions& options = {}, const char* file = __builtin_FILE(), int line = __builtin_LINE());
  // The frame of a segment, without sending it.
  [[nodiscard]] Bytes frame_of(const TestSegment& segment);

  // RFC 9293 3.3.1, from the peer's point of view; all absolute.
  std::uint32_t iss, snd_nxt;
  std::uint32_t irs = 0, rcv_nxt = 0;
  std::uint16_t window;
  bool timestamps_on = false;
  std::uint32_t timestamp_base = 5000;  // its TSval is this plus the milliseconds of the conversation
  std::uint32_t last_timestamp = 0;     // the newest TSval from the shard
  PeerOptions options;

 private:
  [[nodiscard]] TcpPacket packet_of(const TestSegment& segment);
  [[nodiscard]] std::string differences(const TestSegment& wanted, const TcpPacket& got) const;
  [[nodiscard]] std::string describe_wanted(const TestSegment& wanted) const;
  void learn(const TcpPacket& got);

  Conversation* talk_;
  bool offered_timestamps_ = false;
};

struct ConversationOptions {
  ConversationOptions();  // one interface, 10.0.0.1/24, a listener on TCP port 80, small tables
  // fd00::1/64 beside it.
  ConversationOptions& with_ipv6();
  // The same, and the peer of most tests is fd00::2.
  ConversationOptions& over_ipv6();

  ShardOptions shard;
  shard::Secrets secrets;
  std::vector<std::unique_ptr<Service>> services;  // none: a RecordingService
  Instant start{std::chrono::hours(1)};
  PeerOptions first_peer;  // who peer() is
  std::size_t buffers = 2048;
  std::uint32_t buffer_size = 2048;  // received frames beyond it come in pieces
  bool arp = true;                   // peers announce themselves and answer by themselves; NDP the same
  bool checks_invariants = true;     // after every step
};

class Conversation {
 public:
  explicit Conversation(ConversationOptions options = ConversationOptions());
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // The peer of most tests, made at the first call.
  [[nodiscard]] Peer& peer();
  // Another one; lives as long as the conversation.
  [[nodiscard]] Peer& add_peer(const PeerOptions& options);

  [[nodiscard]] Instant now() const { return now_; }
  // Moves time, stopping at every deadline of the shard on the way.
  void advance(Duration duration);
  // One loop of a worker at the present instant, until the shard has nothing more to do.
  void run();
  // While the service is busy elsewhere the shard goes on, but tells it nothing.
  void service_is_busy(bool busy) { service_busy_ = busy; }
  // Frames arrive in one burst.
  void inject(std::span<const Bytes> burst);
  void inject(const Bytes& frame) { inject(std::span(&frame, 1)); }

  [[nodiscard]] shard::Shard& shard() { return *shard_; }
  [[nodiscard]] StatsSnapshot stats() const { return shard_->stats().snapshot(); }
  // The RecordingService; only if the options brought no services.
  [[nodiscard]] RecordingService& service();
  [[nodiscard]] device::SlabPool& pool() { return pool_; }
  [[nodiscard]] const ShardOptions& options() const { return options_.shard; }
  [[nodiscard]] const shard::Secrets& secrets() const { return options_.secrets; }

  // Raw access to what was sent: the next frame, or nothing.
  [[nodiscard]] std::optional<Bytes> next_frame();
  void ignores_the_rest() { ignores_rest_ = true; }
  // The last frames in both directions, one line each.
  [[nodiscard]] std::string transcript() const;

 private:
  friend class Peer;
  struct Sent {
    Instant at;
    Bytes frame;
    Dissected parts;
  };

  void announce(const PeerOptions& peer);
  void give_blanks();
  std::size_t serve();
  void take_outgoing();
  void take_released();
  bool answers_arp(const ArpMessage& request);
  bool answers_ndp(const NdpMessage& solicitation);
  // The shard's first address of the family of `peer`.
  [[nodiscard]] IpAddress shard_address(const IpAddress& peer) const;
  void check();
  void note(const char* direction, std::span<const std::byte> frame);
  [[nodiscard]] std::string relative(const TcpPacket& packet, bool from_shard) const;

  ConversationOptions options_;
  device::SlabPool pool_;
  device::ReceiveQueue queue_{pool_};
  std::unique_ptr<shard::Shard> shard_;
  RecordingService* recording_ = nullptr;
  Instant now_;
  std::deque<Sent> sent_;
  std::deque<std::string> transcript_;
  std::vector<Bytes> pending_neighbours_;
  std::deque<Peer> peers_;
  bool ignores_rest_ = false, service_busy_ = false;
};

}  // namespace levee::sim
