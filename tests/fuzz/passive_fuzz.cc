// Peers that open connections to a listener, and whatever else they do: see segment_player.h.
#include "fuzz/segment_player.h"

namespace levee::fuzz {

FUZZ_TARGET(passive, input) { SegmentPlayer(input).play(150); }

}  // namespace levee::fuzz
