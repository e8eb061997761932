// A connection that the shard opens, and a peer that answers as it likes: see segment_player.h.
#include "fuzz/segment_player.h"

namespace levee::fuzz {

FUZZ_TARGET(active, input) {
  SegmentPlayer player(input);
  player.connect();
  player.play(150);
}

}  // namespace levee::fuzz
