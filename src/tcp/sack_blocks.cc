#include "tcp/sack_blocks.h"

namespace levee::tcp {
namespace {

// RFC 2883 4: the first block reports a duplicate if it lies below SEG.ACK, or within the second block.
bool is_duplicate(const Segment& segment, Seq left, Seq right) {
  if (right <= segment.ack) return true;
  if (segment.options.sack_count < 2) return false;
  const wire::SackBlock& second = segment.options.sack[1];
  return Seq(second.left) <= left && right <= Seq(second.right);
}

}  // namespace

Duplicate sack_blocks_arrive(const Tcb& tcb, const Segment& segment, Scoreboard& scoreboard, Delivery& delivery,
                             Stats& stats) {
  Duplicate duplicate;
  for (std::size_t i = 0; i < segment.options.sack_count; ++i) {
    const Seq left(segment.options.sack[i].left), right(segment.options.sack[i].right);
    // By distance from the oldest octet that may be spoken of: of three points far apart each may be "before" the next.
    const Seq oldest = tcb.una - tcb.max_wnd;
    const std::uint32_t from = left - oldest, to = right - oldest;
    if (from >= to || to > tcb.max_wnd + tcb.flight()) {
      stats.count(Counter::TCPSACKDiscard);
      continue;
    }
    if (i == 0 && is_duplicate(segment, left, right)) {
      stats.count(Counter::TCPDSACKRecv);
      duplicate = {true, left, right};
      continue;
    }
    // What begins at SND.UNA or below is old, or no hole: an octet at SEG.ACK has not arrived by definition.
    if (left <= tcb.una || left <= segment.ack) {
      if (left >= segment.ack) stats.count(Counter::TCPSACKDiscard);
      continue;
    }
    if (!scoreboard.empty()) scoreboard.sack(left, right, delivery);
  }
  return duplicate;
}

}  // namespace levee::tcp
