// The benchmark's device; see device.h. `receive` follows dpdk/port_receive.cc and `send` dpdk/port_send.cc.
#include "bench/device.h"

#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "device/memory.h"
#include "dpdk/mbuf_block.h"

namespace levee::bench {

namespace {

constexpr std::size_t kObjectHeader = 64;  // of a mempool's object
constexpr std::size_t kDataRoom = 2048;
constexpr std::size_t kBufferSize = RTE_PKTMBUF_HEADROOM + kDataRoom;
constexpr std::size_t kObject = kObjectHeader + sizeof(rte_mbuf) + dpdk::kPrivateSize + kBufferSize;
// An odd number of cache lines, as rte_mempool pads its objects, so that they spread over sets and channels.
constexpr std::size_t kStride = kObject / 64 % 2 == 0 ? kObject + 64 : kObject;
static_assert(kObject % 64 == 0);

constexpr std::size_t kCompletionLag = 32;  // as a driver's tx_free_thresh

}  // namespace

BenchDevice::Idle::Idle(std::size_t capacity) : ring_(std::bit_ceil(capacity)) {}

BenchDevice::BenchDevice(const Options& options)
    : options_(options),
      memory_((options.buffers + options.spares) * kStride),
      frames_(options.buffers),
      spares_(options.spares),
      sent_(options.buffers + options.spares) {
  std::memset(memory_.data(), 0, (options.buffers + options.spares) * kStride);
  // A pool that has been in use for a while hands its buffers out in no order that a prefetcher could follow.
  std::vector<std::size_t> order(options.buffers);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  Random random(options.seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (const std::size_t index : order) order_.push_back(make_buffer(index));
  rotate(options.buffers);
  first_spare_ = make_buffer(options.buffers);
  spares_.push(first_spare_);
  for (std::size_t i = 1; i < options.spares; ++i) spares_.push(make_buffer(options.buffers + i));
  waiting_.reserve(options.buffers);
}

void BenchDevice::rotate(std::size_t buffers) {
  CHECK(exhausted() && frames_.size() == rotating_ && buffers <= order_.size());
  frames_ = Idle(buffers);
  rotating_ = buffers;
  for (std::size_t i = 0; i < buffers; ++i) frames_.push(order_[i]);
}

rte_mbuf* BenchDevice::make_buffer(std::size_t index) {
  std::byte* object = static_cast<std::byte*>(memory_.data()) + index * kStride + kObjectHeader;
  auto* mbuf = new (object) rte_mbuf();
  mbuf->priv_size = dpdk::kPrivateSize;
  mbuf->buf_addr = object + sizeof(rte_mbuf) + dpdk::kPrivateSize;
  mbuf->buf_len = kBufferSize;
  mbuf->data_off = RTE_PKTMBUF_HEADROOM;
  mbuf->refcnt = 1;
  mbuf->nb_segs = 1;
  return mbuf;
}

void BenchDevice::begin_load(std::size_t packets) {
  CHECK(exhausted() && packets <= frames_.size());
  waiting_.clear();
  next_waiting_ = 0;
}

void BenchDevice::add(std::span<const std::byte> frame) {
  CHECK(frame.size() <= kDataRoom);
  rte_mbuf* mbuf = frames_.pop();
  std::memcpy(static_cast<std::byte*>(mbuf->buf_addr) + RTE_PKTMBUF_HEADROOM, frame.data(), frame.size());
  waiting_.push_back({mbuf, static_cast<std::uint32_t>(frame.size())});
}

void BenchDevice::load(std::span<const Packet> packets) {
  begin_load(packets.size());
  for (const Packet& packet : packets) add(packet.bytes());
}

void BenchDevice::load(std::span<const LongPacket> packets) {
  begin_load(packets.size());
  for (const LongPacket& packet : packets) add(packet.bytes());
}

device::Received BenchDevice::receive(std::span<shard::Frame> frames) {
  const std::size_t count = std::min({frames.size(), options_.burst, waiting_.size() - next_waiting_});
  const std::span<const Waiting> burst = std::span(waiting_).subspan(next_waiting_, count);
  next_waiting_ += count;
  // The driver's part: descriptors to mbufs, the next one fetched ahead.
  const std::uint64_t flags =
      options_.verified ? RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD : std::uint64_t{0};
  for (std::size_t i = 0; i < count; ++i) {
    if (i + 1 < count) __builtin_prefetch(burst[i + 1].mbuf, 1);
    rte_mbuf* mbuf = burst[i].mbuf;
    mbuf->data_off = RTE_PKTMBUF_HEADROOM;
    mbuf->refcnt = 1;
    mbuf->nb_segs = 1;
    mbuf->port = 0;
    mbuf->ol_flags = flags;
    mbuf->packet_type = 0;
    mbuf->pkt_len = burst[i].length;
    mbuf->data_len = static_cast<std::uint16_t>(burst[i].length);
    mbuf->vlan_tci = 0;
    mbuf->hash.rss = 0;
  }
  // levee's part.
  for (std::size_t i = 0; i < count; ++i) {
    rte_mbuf* mbuf = burst[i].mbuf;
    const auto state = [&](std::uint64_t mask, std::uint64_t good) {
      return (mbuf->ol_flags & mask) == good ? shard::ChecksumState::Verified : shard::ChecksumState::Unverified;
    };
    frames[i] = {.data = rte_pktmbuf_mtod(mbuf, std::byte*),
                 .length = mbuf->data_len,
                 .flow_hash = 0,
                 .port = 0,
                 .ip_checksum = state(RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD),
                 .tcp_checksum = state(RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD),
                 .exclusive = RTE_MBUF_DIRECT(mbuf) && rte_mbuf_refcnt_read(mbuf) == 1};
    frames[i].block = dpdk::adopt(mbuf);
    if (mbuf->next != nullptr) mbuf->next = nullptr;
    mbuf->nb_segs = 1;
  }
  return {.frames = count};
}

std::size_t BenchDevice::send(Instant /*now*/, std::span<const shard::OutFrame> frames) {
  CHECK(sent_count_ + frames.size() <= sent_.size());
  if (sent_count_ > kCompletionLag) complete(sent_count_ - kCompletionLag);
  for (const shard::OutFrame& frame : frames) {
    DCHECK(frame.head->refs == 1);
    frame.head->refs = 0;
    rte_mbuf* const mbuf = dpdk::mbuf_of(frame.head);
    dpdk::prepare_to_send(mbuf, frame);
    for (const Slice& slice : frame.slices) mbuf->pkt_len += slice.length;
    descriptors_[sent_count_ % descriptors_.size()] = {rte_pktmbuf_mtod(mbuf, const void*), mbuf->pkt_len,
                                                       static_cast<std::uint32_t>(mbuf->ol_flags >> 48)};
    sent_[sent_count_++] = mbuf;
  }
  return 0;
}

// The card is done with these: back to their pool, as rte_pktmbuf_prefree_seg decides it.
void BenchDevice::complete(std::size_t up_to) {
  for (; completed_ < up_to; ++completed_) {
    rte_mbuf* const mbuf = sent_[completed_];
    if (rte_mbuf_refcnt_read(mbuf) != 1 || !RTE_MBUF_DIRECT(mbuf) || mbuf->next != nullptr) continue;
    put(mbuf);
  }
}

void BenchDevice::put(rte_mbuf* mbuf) { (mbuf < first_spare_ ? frames_ : spares_).push(mbuf); }

Block* BenchDevice::blank() {
  rte_mbuf* mbuf = spares_.pop();
  return mbuf == nullptr ? nullptr : dpdk::adopt(mbuf);
}

void BenchDevice::release(Block* block) { put(dpdk::mbuf_of(block)); }

void BenchDevice::assemble(std::size_t i, std::vector<std::byte>& bytes) const {
  static std::array<std::byte, 65536> zeros{};
  const rte_mbuf* mbuf = sent_[i];
  const Slice payload{nullptr, zeros.data(), mbuf->pkt_len - mbuf->data_len};
  shard::OutFrame frame;
  frame.data = rte_pktmbuf_mtod(mbuf, std::byte*);
  frame.length = mbuf->data_len;
  frame.l2_length = static_cast<std::uint8_t>(mbuf->l2_len);
  frame.l3_length = static_cast<std::uint8_t>(mbuf->l3_len);
  frame.l4_length = static_cast<std::uint8_t>(mbuf->l4_len);
  frame.ipv4_checksum = (mbuf->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0;
  frame.tcp_checksum = (mbuf->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM) == RTE_MBUF_F_TX_TCP_CKSUM;
  if (payload.length > 0) frame.slices = {&payload, 1};
  bytes.clear();
  device::gather(frame, bytes);
}

bool BenchDevice::collect(std::vector<Packet>& replies) {
  CHECK(exhausted());
  complete(sent_count_);
  replies.resize(sent_count_);
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < sent_count_; ++i) {
    assemble(i, bytes);
    replies[i].length = static_cast<std::uint32_t>(std::min(bytes.size(), Packet::kRoom));
    std::copy_n(bytes.begin(), replies[i].length, replies[i].data.begin());
  }
  sent_count_ = completed_ = 0;
  return frames_.size() == rotating_;
}

bool BenchDevice::collect(std::vector<LongPacket>& replies) {
  CHECK(exhausted());
  complete(sent_count_);
  replies.resize(sent_count_);
  for (std::size_t i = 0; i < sent_count_; ++i) assemble(i, replies[i].data);
  sent_count_ = completed_ = 0;
  return frames_.size() == rotating_;
}

}  // namespace levee::bench
