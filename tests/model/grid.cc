// Where the cells of the grid are; see grid.h.
#include "model/grid.h"

#include <fmt/format.h>

#include <array>

namespace levee::model {
namespace {

constexpr std::uint32_t kShort = 10, kTooMuch = 100, kFarBeyond = 300;
// Neither the handshake's window nor zero, so that an update shows.
constexpr std::uint16_t kSegmentWindow = 4000;

}  // namespace

Cell cell(std::uint32_t number) {
  Cell result;
  result.payload = static_cast<Payload>(number % kPayloads);
  number /= kPayloads;
  result.ack = static_cast<AckAt>(number % kAcks);
  number /= kAcks;
  result.seq = static_cast<SeqAt>(number % kSeqs);
  result.flags = static_cast<std::uint8_t>(number / kSeqs);
  return result;
}

Segment segment_of(const Cell& cell, const Variables& tcb) {
  Segment segment;
  segment.flags = cell.flags;
  segment.wnd = kSegmentWindow;
  switch (cell.seq) {
    case SeqAt::Below:
      segment.seq = tcb.rcv_nxt - 1;
      break;  // a repeated SYN or FIN, a keepalive probe
    case SeqAt::Next:
      segment.seq = tcb.rcv_nxt;
      break;
    case SeqAt::Inside:
      segment.seq = tcb.rcv_nxt + (tcb.rcv_wnd > kShort ? tcb.rcv_wnd - kShort : 0);  // short text ends at the edge
      break;
    case SeqAt::Edge:
      segment.seq = tcb.rcv_nxt + tcb.rcv_wnd;
      break;
    case SeqAt::Beyond:
      segment.seq = tcb.rcv_nxt + tcb.rcv_wnd + kFarBeyond;
      break;
  }
  switch (cell.ack) {
    case AckAt::Below:
      segment.ack = tcb.snd_una - 1;
      break;
    case AckAt::Una:
      segment.ack = tcb.snd_una;
      break;
    case AckAt::Inside:
      segment.ack = tcb.snd_una + (tcb.snd_nxt - tcb.snd_una) / 2;
      break;
    case AckAt::Next:
      segment.ack = tcb.snd_nxt;
      break;
    case AckAt::Beyond:
      segment.ack = tcb.snd_nxt + 1;
      break;
  }
  switch (cell.payload) {
    case Payload::None:
      break;
    case Payload::Short:
      segment.length = kShort;
      break;
    case Payload::Large:
      segment.length = tcb.rcv_wnd + kTooMuch;
      break;
  }
  return segment;
}

std::string describe(const Cell& cell) {
  static constexpr std::array<const char*, kSeqs> kSeqNames = {"below", "RCV.NXT", "inside", "edge", "beyond"};
  static constexpr std::array<const char*, kAcks> kAckNames = {"below", "SND.UNA", "inside", "SND.NXT", "beyond"};
  static constexpr std::array<const char*, kPayloads> kPayloadNames = {"no text", "short text", "too much text"};
  return fmt::format("{}, SEQ {}, ACK {}, {}", flag_names(cell.flags), kSeqNames[static_cast<std::size_t>(cell.seq)],
                     kAckNames[static_cast<std::size_t>(cell.ack)],
                     kPayloadNames[static_cast<std::size_t>(cell.payload)]);
}

}  // namespace levee::model
