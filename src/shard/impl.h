// The inside of a shard: its tables, and the rooms that work on them. Private to src/shard.
//
//   burst.cc       a burst taken apart and hashed; header_columns, plain_packet, packet: what a frame says
//   ingress.cc     frames -> segments -> TCBs         handshake.cc   what reaches a half-open record
//   cookie_batch.cc, cookie_columns.cc   a burst of SYNs and forged ACKs; syn_policy.cc: which tier answers a SYN
//   reopening.cc   half-open records made, and those that reopen TIME-WAIT a burst at a time
//   replies.cc     stateless replies, in place; syn_ack_forms.cc
//   egress.cc      TCBs -> frames                    flows.cc  the keys of both families
//   resolution.cc  next hops, by arp.cc and ndp.cc   icmp.cc, icmp6.cc, icmp_errors.cc
//   records.cc     life of connection, half-open and TIME-WAIT records; timers
//   connection.cc  the public handle's calls         invariants.cc  check_invariants, digest
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fixed_list.h"
#include "base/index_pool.h"
#include "base/random.h"
#include "base/siphash_lanes.h"
#include "base/timing_wheel.h"
#include "base/toeplitz.h"
#include "shard/cookie_batch.h"
#include "shard/flow_index.h"
#include "shard/flow_key.h"
#include "shard/header_columns.h"
#include "shard/neighbours.h"
#include "shard/packet.h"
#include "shard/reply_limit.h"
#include "shard/shard.h"
#include "shard/syn_ack_forms.h"
#include "shard/syn_cookie.h"
#include "shard/time_wait_table.h"
#include "shard/topology.h"
#include "tcp/half_open.h"
#include "tcp/output.h"
#include "tcp/tcb.h"

namespace levee::shard {

inline constexpr std::uint16_t kActiveOpen = 0xffff;  // in place of a listener's index

struct ConnectionRecord {
  tcp::Tcb tcb;
  FlowKey4 key;
  Ipv4Address next_hop;  // of IPv6 a number: 1 + the route's, or 0: the peer is on link
  std::uint64_t user_data = 0;
  TimerLink timer;
  std::uint32_t generation = 0;
  std::uint32_t next_ready = kNoIndex;
  std::uint32_t next_output = kNoIndex;
  std::uint16_t listener = kActiveOpen;
  std::uint16_t service = 0;
  std::uint16_t interface = 0;
  bool on_ready : 1 = false, on_output : 1 = false;
  bool detached : 1 = false;     // no longer in the flow index: its tuple is free or held by TIME-WAIT
  bool told_closed : 1 = false;  // the service has seen on_closed: to be freed
  bool unproven : 1 = false;     // opened by a cookie and has not sent text: linger_until is when it may be dropped
};

struct HalfOpenRecord {
  FlowKey4 key;
  tcp::HalfOpen tcp;
  TimerLink timer;
  MacAddress mac;  // where the SYN came from; the SYN-ACK goes back there
  std::uint16_t listener = 0;
  std::uint8_t interface = 0;
  bool reopens : 1 = false;  // beside a TIME-WAIT entry of the same tuple, which stays until the ACK is valid
  bool refused : 1 = false;  // the ACK was valid but found no room: the peer counts itself as connected
};
static_assert(sizeof(HalfOpenRecord) <= 64);

// Timers of half-open records share the wheel with those of connections.
inline constexpr std::uint32_t kHalfOpenTimer = 0x80000000;

struct TimerLinks {
  IndexPool<ConnectionRecord>* connections;
  IndexPool<HalfOpenRecord>* half_open;
  TimerLink& operator()(std::uint32_t id) const {
    return (id & kHalfOpenTimer) != 0 ? (*half_open)[id & ~kHalfOpenTimer].timer : (*connections)[id].timer;
  }
};

inline constexpr std::size_t kBurst = HeaderColumns::kMost;  // frames that are looked at together
// A bit for each of a burst's frames. REQUIRES: 1 to kBurst of them.
[[nodiscard]] constexpr std::uint64_t all_of(std::size_t frames) { return ~std::uint64_t{0} >> (kBurst - frames); }

// The SYNs of a burst whose hashes lead to TIME-WAIT entries, in the burst's order; plain and bare ones.
struct ReopeningBatch {
  static_assert(kBurst <= 64 && kBurst <= SipLanes<2>::kMost);
  std::uint64_t places = 0;  // in the burst, a bit for each
  std::uint32_t count = 0;
  std::array<std::uint32_t, kBurst> entries{};
  SipLanes<2> lanes;   // for the ISNs
  SipLanes<5> lanes6;  // and for those over IPv6

  void clear() { places = count = 0; }
};

// A list of connection records through one of their links.
struct RecordList {
  std::uint32_t head = kNoIndex, tail = kNoIndex;
  std::size_t size = 0;
};

class Shard::Impl {
 public:
  Impl(Shard& self, const ShardOptions& options, const Secrets& secrets, std::span<Mailbox* const> outboxes);

  // --- burst.cc, ingress.cc ---
  void receive(std::span<const Frame> frames);
  void deliver(const Message& message);

  // --- egress.cc ---
  bool transmit();
  // Frames without a connection: a SYN-ACK again, an ARP request. False when no blank or no room was there.
  struct Way {
    MacAddress to;
    std::uint16_t interface = 0;
    std::uint32_t ts_offset = 0;  // the flow's timestamp offset, of which IPv6's flow label is made
  };
  // `key`: a record's.
  bool send_segment(const FlowKey4& key, const tcp::OutSegment& segment, const Way& way);

  // --- records.cc ---
  bool expire();
  [[nodiscard]] Instant next_deadline() const;
  [[nodiscard]] std::optional<Ready> next_ready();
  [[nodiscard]] ConnectResult connect(const SocketAddress& remote, std::uint16_t service, SocketAddress local);
  // Brings lists, timers and the flow index in line with what a Tcb has become; after every change to one.
  void settle(std::uint32_t index);
  // The service could not send for want of buffers, not of window: it is told `writable` when there are some.
  void wait_for_buffers(std::uint32_t index);
  void feed_starved();

  // --- invariants.cc ---
  [[nodiscard]] std::string check_invariants(Walk walk) const;
  [[nodiscard]] std::uint64_t digest() const;

  // --- flow_view.cc ---
  [[nodiscard]] FlowView view(const FlowKey& flow) const;

  [[nodiscard]] tcp::Env env(const ConnectionRecord& record) { return env_for(record.listener); }
  [[nodiscard]] tcp::Env env_for(std::uint16_t listener);
  [[nodiscard]] ConnectionRecord* resolve(std::uint32_t index, std::uint32_t generation);
  [[nodiscard]] const levee::TcpOptions& tcp_options(std::uint16_t listener) const {
    return listener == kActiveOpen ? options_.active : topology_.listener_options(listener).tcp;
  }
  void give_blank(Block* blank);
  [[nodiscard]] Block* next_released();

  // --- flows.cc: what a record's key stands for ---
  [[nodiscard]] FlowKey6 key6_of(const FlowKey4& key) const {
    return {addresses6_[key.place()], key.local_port, key.remote_port};
  }
  [[nodiscard]] FlowKey flow_of(const FlowKey4& key) const {
    return key.is_v4() ? FlowKey(key) : FlowKey(key6_of(key));
  }
  [[nodiscard]] std::uint64_t hash_of(const FlowKey& flow) const { return flow_hash(secrets_.flow_key, flow); }
  // The key for a record of this flow, and its end with the record's.
  [[nodiscard]] FlowKey4 keep(const FlowKey& flow);
  void forget(const FlowKey4& key);
  // Without a hop the peer is where its SYN came from.
  static void set_hop(ConnectionRecord& record, const std::optional<NextHop>& hop);
  [[nodiscard]] IpAddress hop_of(const ConnectionRecord& record) const;
  [[nodiscard]] std::optional<NextHop> route_of(const Packet& packet) const;
  [[nodiscard]] static std::uint32_t headers_of(const FlowKey4& key) { return key.is_v4() ? kHeaders4 : kHeaders6; }
  [[nodiscard]] static std::uint16_t ether_type_of(const FlowKey4& key) {
    return key.is_v4() ? wire::kEtherTypeIpv4 : wire::kEtherTypeIpv6;
  }

  Shard& self_;
  ShardOptions options_;
  Secrets secrets_;
  std::vector<Mailbox*> outboxes_;
  Topology topology_;
  Stats stats_;
  Instant now_{};

  FlowIndex index_;
  IndexPool<ConnectionRecord> connections_;
  IndexPool<HalfOpenRecord> half_open_;
  TimeWaitTable time_wait_;
  IndexPool<Addresses6> addresses6_;  // of every record of an IPv6 flow
  IndexPool<tcp::Transfer> transfers_;
  tcp::SlicePool slices_;
  BlockStash stash_;
  Neighbours neighbours_;
  TimingWheel<TimerLinks> wheel_;
  Toeplitz toeplitz_;
  ReplyLimit rst_limit_;
  CookieJar cookies_;
  SynAckBook syn_acks_;
  SipHasher sip_;
  PlainFinder plain_;
  CookieColumns cookie_columns_;
  bool cookie_mode_ = false;  // with SynCookies::Auto: between the high and the low mark of the SYN queue
  std::uint32_t repeat_second_ = 0, repeated_ = 0;  // SYN-ACK retransmissions in this second
  Random random_;
  std::uint64_t label_multiplier_;  // IPv6's flow labels

  FixedList<OutFrame> outgoing_;
  FixedList<Slice> out_slices_;     // of `outgoing_`
  std::size_t outgoing_limit_ = 0;  // of the transmit() that is running
  RecordList ready_, output_;
  std::vector<std::uint32_t> unheard_;  // by listener: connections whose service has not heard `opened`
  struct Waiting {
    std::uint32_t index, generation;
  };
  std::vector<Waiting> waiting_;        // connections whose next hop was unknown; bounded, else their timer helps
  std::vector<Waiting> starved_;        // whose service wanted to send when no buffer was to be had; bounded
  std::uint32_t reap_next_ = kNoIndex;  // told `closed` by the last next_ready()
  bool draining_ = false;
  std::span<const Frame> burst_frames_;
  std::array<Packet, kBurst> burst_;  // of the receive() that is running
  HeaderColumns columns_;             // its headers
  SipLanes<2> flow_lanes_;            // its flow keys and all its flow hashes
  SipLanes<5> flow_lanes6_;           // its IPv6 flow keys
  bool burst_is_ipv6_ = false;        // the family of its first frame, and of those in columns
  CookieBatch cookie_batch_;          // its cookies
  // A bit for each of its frames: a segment over IPv6; plain and bare; made a Packet; one that the flow index may have
  // had something for when the burst was looked up early; prepared in cookie_batch_. Of those by columns: SYNs, and
  // ACKs without a cookie.
  std::uint64_t ipv6_ = 0, bare_ = 0, taken_apart_ = 0, maybe_known_ = 0, prepared_ = 0, columns_syns_ = 0,
                forged_acks_ = 0;
  ReopeningBatch reopenings_;               // its SYNs into TIME-WAIT
  std::uint64_t insertions_before_ = 0;     // FlowIndex::insertions() when the burst was looked up early
  std::uint32_t burst_buffers_ = 0;         // of frames whose turn has not come, though they count as BuffersIn
  std::array<Slice, kMaxPieces> pieces_{};  // payload of the segment that is being handled

 private:
  // --- burst.cc ---
  void take_burst(std::span<const Frame> frames);
  [[nodiscard]] Packet& packet_at(std::size_t place);
  void hash_burst(std::size_t count);
  void look_up_early(std::size_t count);
  void take_turn(Packet& packet);

  // --- ingress.cc ---
  [[nodiscard]] bool forward(Packet& packet, unsigned owner);
  template <typename Same>
  [[nodiscard]] FlowRef find_record(std::uint64_t hash, Same&& same) const;
  [[nodiscard]] bool is_of(const FlowKey4& key, const Addresses6& addresses, const FlowKey4& ports) const;
  [[nodiscard]] FlowRef find_flow(const Packet& packet) const;
  [[nodiscard]] FlowRef find_flow(const FlowKey& flow, std::uint64_t hash) const;
  [[nodiscard]] std::uint32_t find_reopening(const FlowKey& flow, std::uint64_t hash) const;
  [[nodiscard]] unsigned owner_of(const FlowKey& flow) const;
  [[nodiscard]] std::uint16_t listener_of(const Packet& packet) const;
  std::optional<Drop> process(Packet& packet, bool forwarded);
  std::optional<Drop> process_tcp(Packet& packet, bool forwarded);
  std::optional<Drop> to_connection(std::uint32_t index, Packet& packet, const tcp::Segment& segment);
  std::optional<Drop> to_time_wait(std::uint32_t index, Packet& packet, const tcp::Segment& segment);
  std::optional<Drop> to_nobody(Packet& packet, const tcp::Segment& segment, bool forwarded);

  // --- handshake.cc ---
  std::optional<Drop> to_half_open(std::uint32_t index, Packet& packet, const tcp::Segment& segment);
  std::optional<Drop> wrong_ack(std::uint32_t index, Packet& packet, const tcp::Segment& segment);
  std::optional<Drop> accept(std::uint32_t half_index, Packet& packet, const tcp::Segment& segment,
                             std::uint32_t reopened);
  // Why a valid ACK of a handshake has to wait; counted.
  [[nodiscard]] std::optional<Drop> no_room(std::uint16_t listener);
  std::uint32_t establish(const tcp::HalfOpen& half_open, std::uint16_t listener, std::uint16_t came_in, Packet& packet,
                          const tcp::Segment& ack);

  // --- cookie_batch.cc ---
  void read_offers(std::size_t count, std::uint64_t wanted);
  CookieColumns::Found prepare_columns(std::size_t count);
  void prepare_cookies(std::size_t count);
  bool prepare_cookie(const Packet& packet, std::size_t lane, bool for_syns, bool for_acks);
  [[nodiscard]] CookieBatch::Target cookie_target(const Packet& packet) const;
  std::uint64_t answer_from_columns(std::size_t begin, std::size_t count, OutFrame* replies);
  template <typename FormOf, typename WordsOf>
  std::uint64_t answer_with(std::size_t begin, std::size_t count, OutFrame* replies, FormOf&& form_of,
                            WordsOf&& words_of);
  enum class Settled : std::uint8_t { No, Answered, Refused };
  Settled settle_alone(std::size_t place, OutFrame* reply);
  // Settles as many of the burst's packets from `begin` on as are prepared and simple; returns the first that is not.
  std::size_t settle_prepared(std::size_t begin, std::size_t end);

  // --- reopening.cc ---
  std::optional<Drop> open_half(Packet& packet, const tcp::Segment& syn, std::uint16_t listener,
                                std::uint32_t reopened);
  // The record, and its timer, of a SYN that is about to be answered; `half` was just taken.
  struct Opening;
  HalfOpenRecord& begin_half_open(std::uint32_t half, const Opening& opening);
  void expect_reopening(std::size_t place, std::uint32_t entry);
  void prepare_reopenings(std::size_t count, bool offers_are_read);
  std::size_t settle_reopenings(std::size_t begin, std::size_t end);
  template <bool kIpv4>
  std::size_t settle_reopenings_of(std::size_t begin, std::size_t end);

  // --- syn_policy.cc ---
  std::optional<Drop> answer_syn(Packet& packet, const tcp::Segment& syn, std::uint16_t listener);
  std::optional<Drop> answer_by_cookie(Packet& packet, const tcp::Segment& syn, std::uint16_t listener);
  // `reopened`: the TIME-WAIT entry that makes room if the cookie is good, or kNoIndex. False: it is no cookie.
  bool accept_cookie(Packet& packet, const tcp::Segment& ack, std::uint16_t listener, std::uint32_t reopened,
                     std::optional<Drop>& drop);
  // The ISS of a cookie for this offer, and the half-open connection that an ACK completes if it carries a cookie.
  [[nodiscard]] tcp::Seq seal_cookie(const Packet& packet, const tcp::HalfOpen& offer,
                                     const levee::TcpOptions& options) const;
  [[nodiscard]] std::optional<tcp::HalfOpen> open_cookie(const Packet& packet, const tcp::Segment& ack,
                                                         const levee::TcpOptions& options) const;
  std::optional<Drop> reopen_time_wait(std::uint32_t index, Packet& packet, const tcp::Segment& syn,
                                       std::uint16_t listener);
  [[nodiscard]] Drop syn_queue_full();
  [[nodiscard]] bool in_cookie_mode() const;
  [[nodiscard]] bool may_repeat_syn_ack(const HalfOpenRecord& record);
  [[nodiscard]] bool takes_cookies(std::uint16_t listener) const;
  bool drop_unproven(std::uint32_t index);

  // --- replies.cc ---
  // Answers the segment of `packet`, into its own frame if that may be written.
  // False if there was no buffer for it.
  bool reply(Packet& packet, const tcp::OutSegment& segment);
  // A listener's SYN-ACK, from its form.
  bool reply_syn_ack(Packet& packet, const tcp::HalfOpen& half_open, std::uint16_t listener, std::uint32_t ts_value);
  void reply_rst(Packet& packet, const tcp::Segment& segment);
  // The buffer for a reply of `length` bytes: the packet's own, or a blank. nullptr: none.
  struct ReplyBuffer {
    Block* block = nullptr;
    std::byte* data = nullptr;
  };
  [[nodiscard]] ReplyBuffer reply_buffer(Packet& packet, std::uint32_t length);
  void emit(const OutFrame& frame);

  // --- arp.cc, ndp.cc, icmp.cc, icmp6.cc, icmp_errors.cc ---
  std::optional<Drop> process_arp(Packet& packet);
  void ask_by_arp(const Neighbour& neighbour, Ipv4Address source, Block* blank);
  std::optional<Drop> process_icmp(Packet& packet, bool forwarded);
  std::optional<Drop> process_icmp6(Packet& packet, bool forwarded);
  std::optional<Drop> answer_echo(Packet& packet);
  std::optional<Drop> answer_echo6(Packet& packet);
  std::optional<Drop> turn_around(Packet& packet, std::uint32_t length, ReplyBuffer& buffer);
  void emit_echo(const Packet& packet, const ReplyBuffer& buffer, std::uint32_t length);
  std::optional<Drop> process_icmp_error(Packet& packet, bool forwarded);
  std::optional<Drop> process_solicitation(Packet& packet);
  std::optional<Drop> process_advertisement(const Packet& packet);
  void ask_by_ndp(const Neighbour& neighbour, const Ipv6Address& source, Block* blank);

  // --- resolution.cc ---
  void request_neighbour(Neighbour& neighbour);
  // Its entry, made if need be; nullptr, and counted, if there is no room.
  [[nodiscard]] Neighbour* neighbour_at(const IpAddress& address, std::uint16_t interface);
  void learn_neighbour(const IpAddress& address, std::uint16_t interface, const MacAddress& mac);
  void confirm_neighbour(const ConnectionRecord& record, const MacAddress& mac);
  void wake_waiting();
  void tell_others(const Message& message);

  // --- egress.cc ---
  enum class Sent : std::uint8_t { All, More, Stuck };
  Sent transmit_one(std::uint32_t index);

  // --- records.cc ---
  [[nodiscard]] std::uint32_t new_connection();
  void detach(std::uint32_t index);
  void reap(std::uint32_t index);
  void drop_half_open(std::uint32_t index);
  void arm_half_open(std::uint32_t index);
  // When a SYN-ACK is repeated that was repeated so many times before and goes out now.
  [[nodiscard]] Instant synack_due(unsigned retransmits) const;
  [[nodiscard]] bool may_give_up(const HalfOpenRecord& record) const;
  void half_open_timeout(std::uint32_t index);
  void remove_time_wait(std::uint32_t index);
  void update_timer(std::uint32_t index);
  void abort_all();
  void push_ready(std::uint32_t index);
  void push_output(std::uint32_t index);
  [[nodiscard]] std::uint32_t pop_output();
  // Buffers that payload holds, and whether with so many it may take more (ShardLimits::held_buffers).
  [[nodiscard]] std::uint64_t held_buffers() const;
  [[nodiscard]] bool may_hold_text(std::uint64_t held) const;
};

// RFC 6528 3: ISN = M + F(4-tuple, secret), M ticking every 4 microseconds (MUST-8, MUST-9, SHLD-1). `hash` is F:
// secret_hash with the ISN's key.
[[nodiscard]] inline tcp::Seq initial_sequence_number(std::uint64_t hash, Instant now) {
  return tcp::Seq(static_cast<std::uint32_t>(to_nanoseconds(now) / 4000) + static_cast<std::uint32_t>(hash));
}

}  // namespace levee::shard
