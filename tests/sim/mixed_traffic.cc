// The clients and the noise of mixed traffic; see mixed_traffic.h. The clients talk to a live shard, a group of frames
// at a time, so that what is recorded is a conversation: its answers decide what they send in the next group.
//
// Clients keep to rules under which cutting a group into bursts may change nothing but how ACKs are aggregated: a
// request waits for the answer to the one before, an RST comes in a group without text of its connection, and streams
// that are acknowledged late carry no timestamps (what RFC 7323 remembers depends on Last.ACK.sent).
#include "sim/mixed_traffic.h"

#include <algorithm>

#include "base/random.h"
#include "sim/packet.h"

namespace levee::sim {
namespace {

constexpr std::size_t kClients = 150;
constexpr std::size_t kHistory = 4096;
constexpr MacAddress kShardMac{{2, 0, 0, 0, 0, 1}};
constexpr Ipv4Address kShard{0x0a000001};
constexpr std::size_t kAddresses = 4;

MacAddress mac_of(Ipv4Address address) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(address.value)}}; }

enum class Stage : std::uint8_t { Unborn, SynSent, Open, AwaitReply, FinSent, Done };
enum class End : std::uint8_t { ClientCloses, ServerCloses, Aborts, StaysOpen, NeverAnswers };

struct Client {
  Ipv4Address address;
  std::uint16_t port = 0;
  Stage stage = Stage::Unborn;
  End end = End::ClientCloses;
  bool uploads = false, timestamps = false;
  std::uint32_t snd_nxt = 0, rcv_nxt = 0, last_timestamp = 0;
  std::uint64_t left = 0;     // segments or requests still to be sent
  std::uint64_t awaited = 0;  // bytes of the reply still to come
  bool owes_ack = false, begun = false, server_closed = false;
};

class Recorder {
 public:
  Recorder(std::uint64_t seed, const Mix& mix) : random_(seed), fed_(mix), clients_(kClients) { recording_.mix = mix; }

  Recording record(std::size_t frames) {
    for (std::size_t group = 0; recording_.frames() < frames; ++group) {
      now_ = Recording::time_of_group(group);
      const auto hears = [this](Instant, std::span<const std::byte> frame) { hear(frame); };
      fed_.begin_group(group, hears);
      const std::size_t begin = recording_.frames();
      if (group == 0) announce_all();
      while (recording_.frames() < begin + kGroup) {
        room_ = begin + kGroup - recording_.frames();
        if (recording_.floods_in_group(group) && random_.chance(0.5)) {
          add(flood_frame());
          continue;
        }
        random_.chance(0.75) ? talk(clients_[random_.below(kClients)]) : make_noise();
      }
      spoke_.fill(false);
      fed_.burst(now_, recording_, begin, recording_.frames(), hears);
    }
    return std::move(recording_);
  }

 private:
  void add(const Bytes& frame) {
    recording_.add(frame);
    history_[recording_.frames() % kHistory] = recording_.frames() - 1;
  }

  TcpPacket packet(const Client& client, std::uint8_t flags) const {
    TcpPacket packet;
    packet.source_mac = mac_of(client.address);
    packet.destination_mac = kShardMac;
    packet.source = client.address;
    packet.destination = kShard;
    packet.source_port = client.port;
    packet.destination_port = 80;
    packet.sequence = client.snd_nxt;
    if ((flags & kAck) != 0) packet.acknowledgment = client.rcv_nxt;
    packet.flags = flags;
    packet.window = 60000;
    if (client.timestamps) {
      packet.timestamps = Timestamps{static_cast<std::uint32_t>(to_milliseconds(now_)), client.last_timestamp};
    }
    return packet;
  }

  // At most one turn a group and client: what it answers is known only after the group.
  void talk(Client& client) {
    bool& spoke = spoke_[static_cast<std::size_t>(&client - clients_.data())];
    if (spoke) return;
    spoke = true;
    switch (client.stage) {
      case Stage::Unborn:
        return be_born(client);
      case Stage::Open:
        return client.uploads ? upload(client) : request(client);
      case Stage::SynSent:
      case Stage::AwaitReply:
      case Stage::FinSent:
        if (client.owes_ack) add(build(packet(client, kAck)));
        client.owes_ack = false;
        if (client.stage == Stage::FinSent && client.server_closed) client.stage = Stage::Done;
        return;
      case Stage::Done:
        client = Client{};
        return;
    }
  }

  void be_born(Client& client) {
    const std::uint64_t number = born_++;
    client.address = {0x0a000002 + static_cast<std::uint32_t>(number % kAddresses)};
    client.port = static_cast<std::uint16_t>(1024 + number / kAddresses % 64000);
    client.uploads = random_.chance(0.5);
    client.timestamps = !client.uploads && random_.chance(0.5);
    constexpr End kEnds[] = {End::ClientCloses, End::ClientCloses, End::ServerCloses, End::ServerCloses, End::Aborts};
    client.end = random_.chance(0.01)   ? End::StaysOpen
                 : random_.chance(0.02) ? End::NeverAnswers
                                        : kEnds[random_.below(5)];
    if (client.uploads && client.end == End::ServerCloses) client.end = End::ClientCloses;
    client.left = 1 + random_.below(client.uploads ? 30 : 8);
    client.snd_nxt = static_cast<std::uint32_t>(random_.next());
    TcpPacket syn = packet(client, kSyn);
    syn.mss = 1460;
    syn.window_scale = 7;
    syn.sack_permitted = true;
    add(build(syn));
    ++client.snd_nxt;
    client.stage = client.end == End::NeverAnswers ? Stage::Done : Stage::SynSent;
  }

  // The handshake's ACK and the text behind it share a group.
  void acknowledge_handshake(Client& client) {
    if (!client.begun) add(build(packet(client, kAck)));
    client.owes_ack = false;
  }

  bool end_now(Client& client) {
    if (client.left > 0) return false;
    if (client.end == End::StaysOpen) {
      if (client.owes_ack) add(build(packet(client, kAck)));
      client.stage = Stage::Done;
    } else if (client.end == End::Aborts) {
      add(build(packet(client, kRst)));
      client.stage = Stage::Done;
    } else {
      add(build(packet(client, kFin | kAck)));
      ++client.snd_nxt;
      client.stage = client.server_closed ? Stage::Done : Stage::FinSent;
    }
    client.owes_ack = false;
    return true;
  }

  void upload(Client& client) {
    if (end_now(client)) return;
    if (room_ < 8) return;
    acknowledge_handshake(client);
    std::vector<Bytes> burst;
    for (std::uint64_t i = 1 + random_.below(4); i > 0 && client.left > 0; --i, --client.left) {
      TcpPacket text = packet(client, kAck);
      text.payload.resize(1 + random_.below(120));
      random_.fill(text.payload);
      if (!client.begun) text.payload[0] = std::byte{'U'};
      client.begun = true;
      burst.push_back(build(text));
      client.snd_nxt += text.length();
    }
    if (random_.chance(0.2)) std::swap(burst.front(), burst.back());
    if (random_.chance(0.1)) burst.push_back(burst.front());
    for (const Bytes& frame : burst) {
      add(frame);
      if (random_.chance(0.2) && room_ > 16) make_noise();
    }
  }

  void request(Client& client) {
    if (end_now(client)) return;
    if (room_ < 4) return;
    acknowledge_handshake(client);
    TcpPacket text = packet(client, kAck | kPsh);
    text.payload.resize(MixedService::kRequest, std::byte{'R'});
    if (--client.left == 0 && client.end == End::ServerCloses) text.payload[0] = std::byte{'Q'};
    client.begun = true;
    client.awaited = MixedService::kReply;
    client.stage = Stage::AwaitReply;
    add(build(text));
    client.snd_nxt += text.length();
    if (random_.chance(0.1)) add(build(text));
  }

  // What the shard sent.
  void hear(std::span<const std::byte> frame) {
    const Dissected parts = dissect(frame);
    if (!parts.tcp) return;
    const TcpPacket& got = *parts.tcp;
    const auto found = std::find_if(clients_.begin(), clients_.end(), [&got](const Client& client) {
      return client.stage != Stage::Unborn && client.port == got.destination_port && client.address == got.destination;
    });
    if (found == clients_.end() || found->stage == Stage::Done) return;
    Client& client = *found;
    if (got.timestamps) client.last_timestamp = got.timestamps->value;
    if (client.stage == Stage::SynSent) {
      if (!got.has(kSyn) || got.acknowledgment != client.snd_nxt) return;
      client.rcv_nxt = got.sequence + 1;
      client.stage = Stage::Open;
      client.owes_ack = true;
      return;
    }
    if (got.sequence != client.rcv_nxt || got.length() == 0 || got.has(kRst)) return;
    client.rcv_nxt += got.length();
    client.owes_ack = true;
    client.awaited -= std::min<std::uint64_t>(client.awaited, got.payload.size());
    if (got.has(kFin)) client.server_closed = true;
    const bool waits_for_fin = client.end == End::ServerCloses && client.left == 0 && !client.server_closed;
    if (client.stage == Stage::AwaitReply && client.awaited == 0 && !waits_for_fin) client.stage = Stage::Open;
  }

  void announce_all() {
    for (std::uint32_t i = 0; i < kAddresses; ++i) add(arp_request({0x0a000002 + i}));
  }
  Bytes arp_request(Ipv4Address from) {
    ArpMessage request;
    request.source_mac = request.sender_mac = mac_of(from);
    request.destination_mac = {{255, 255, 255, 255, 255, 255}};
    request.sender = from;
    request.target = kShard;
    return build(request);
  }

  Bytes old_frame() {
    const auto known = std::min<std::size_t>(recording_.frames(), kHistory);
    const auto bytes = recording_.frame(history_[(recording_.frames() - random_.below(known)) % kHistory]);
    return {bytes.begin(), bytes.end()};
  }

  // Mostly SYNs, mostly from hosts that are met once; some come again, with another sequence number or with an ACK.
  Bytes flood_frame() {
    const bool again = random_.chance(0.3);
    const auto host = static_cast<std::uint32_t>(again ? random_.below(32) : random_.next() % (1U << 24));
    TcpPacket packet;
    packet.source_mac = mac_of({0x0a000009});
    packet.destination_mac = kShardMac;
    packet.source = Ipv4Address{0x50000001U + host};
    packet.destination = kShard;
    packet.source_port = static_cast<std::uint16_t>(1024 + host % 60000);
    packet.destination_port = 80;
    packet.sequence = again ? static_cast<std::uint32_t>(random_.below(3)) : static_cast<std::uint32_t>(random_.next());
    packet.flags = random_.chance(0.8) ? kSyn : kAck;
    packet.window = static_cast<std::uint16_t>(random_.next());
    if (packet.flags == kAck) packet.acknowledgment = static_cast<std::uint32_t>(random_.next());
    if (random_.chance(0.9)) packet.mss = static_cast<std::uint16_t>(random_.below(1600));
    if (random_.chance(0.6)) packet.window_scale = static_cast<std::uint8_t>(random_.below(16));
    packet.sack_permitted = random_.chance(0.6);
    if (random_.chance(0.5)) packet.timestamps = Timestamps{static_cast<std::uint32_t>(random_.next()), 0};
    return build(packet);
  }

  void make_noise() {
    const Ipv4Address from{0x0a000002 + static_cast<std::uint32_t>(random_.below(kAddresses))};
    switch (random_.below(8)) {
      case 0:
        return add(arp_request(from));
      case 1: {
        IcmpEcho echo{mac_of(from), kShardMac, from, kShard, 8, 1, 2, Bytes(random_.below(100))};
        return add(build(echo));
      }
      case 2: {  // garbage behind a correct Ethernet header
        Bytes frame = arp_request(from);
        frame.resize(14 + random_.below(100));
        random_.fill(std::span(frame).subspan(14));
        std::copy_n(reinterpret_cast<const std::byte*>(kShardMac.octets.data()), 6, frame.begin());
        frame[12] = std::byte{8};
        frame[13] = std::byte{0};
        return add(frame);
      }
      case 3: {  // cut short
        Bytes frame = old_frame();
        frame.resize(random_.below(frame.size()) + 1);
        return add(frame);
      }
      case 4: {  // one bit flipped
        Bytes frame = old_frame();
        if (frame.size() <= 14) return;
        frame[14 + random_.below(frame.size() - 14)] ^= std::byte{1} << random_.below(8);
        return add(frame);
      }
      case 5:
        return add(old_frame());
      case 6: {  // RST for a live tuple, SEQ a guess: well within the window or far outside, as its edge moves with
                 // ACKs
        TcpPacket rst = packet(clients_[random_.below(kClients)], kRst);
        if (rst.source_port == 0) return;
        rst.sequence += static_cast<std::uint32_t>(1 + random_.below(50'000) + (random_.chance(0.5) ? 0 : 500'000));
        rst.timestamps.reset();
        return add(build(rst));
      }
      default: {  // stray segments: no listener, no connection
        TcpPacket stray = packet(Client{from, static_cast<std::uint16_t>(1 + random_.below(65535))}, kAck);
        stray.flags = random_.chance(0.5) ? kSyn : kAck;
        stray.destination_port = stray.has(kSyn) ? std::uint16_t{81} : std::uint16_t{80};
        return add(build(stray));
      }
    }
  }

  Random random_;
  FedShard fed_;
  Recording recording_;
  std::vector<Client> clients_;
  std::array<bool, kClients> spoke_{};
  std::array<std::size_t, kHistory> history_{};
  Instant now_{};
  std::uint64_t born_ = 0;
  std::size_t room_ = 0;
};

}  // namespace

Recording record_mixed_traffic(std::uint64_t seed, std::size_t frames, const Mix& mix) {
  return Recorder(seed, mix).record(frames);
}

}  // namespace levee::sim
