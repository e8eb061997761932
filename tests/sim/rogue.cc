// The table of misbehaving peers; see rogue.h.
#include "sim/rogue.h"

#include <algorithm>
#include <array>

namespace levee::sim {
namespace {

constexpr std::array kKinds = {
    RogueKind{.name = "optimistic-ack", .make = make_optimistic_ack, .clean_link = true},
    RogueKind{.name = "ack-division", .make = make_ack_division},
    RogueKind{.name = "sack-flood", .make = make_sack_flood},
    RogueKind{.name = "zero-window", .make = make_zero_window, .least_time = std::chrono::minutes(10)},
    RogueKind{.name = "window-shrinker", .make = make_window_shrinker},
    RogueKind{.name = "tiny-mss", .make = make_tiny_mss},
    RogueKind{.name = "every-other-byte", .make = make_every_other_byte},
    RogueKind{.name = "overlap", .make = make_overlap, .clean_link = true},
    RogueKind{.name = "urgent", .make = make_urgent},
    RogueKind{.name = "blind", .make = make_blind, .clean_link = true},
    RogueKind{.name = "on-path", .make = make_on_path, .completes = false},
    RogueKind{.name = "silent-death", .make = make_silent_death, .completes = false},
    RogueKind{.name = "old-duplicates", .make = make_old_duplicates, .must_open = true},
};

}  // namespace

std::span<const RogueKind> rogue_kinds() { return kKinds; }

const RogueKind* find_rogue(std::string_view name) {
  const auto* found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const RogueKind& kind) { return kind.name == name; });
  return found == kKinds.end() ? nullptr : found;
}

}  // namespace levee::sim
