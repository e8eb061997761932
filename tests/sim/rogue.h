// The misbehaving peers, by name. Each plays one host on the link against a levee host with an honest application
// behind it; what levee must not do meanwhile is watched by RoguePeer, Application and RogueWorld.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "sim/rogue_peer.h"

namespace levee::sim {

struct RogueKind {
  std::string_view name;
  std::unique_ptr<RoguePeer> (*make)(const RogueSetup& setup);
  bool clean_link = false;  // it must know what arrives and in which order: the link only delays
  bool completes = true;    // once it is honest, both streams come to their end
  bool must_open = false;   // it cannot play the listening side
  Duration least_time{};    // how long it misbehaves at least
};

[[nodiscard]] std::span<const RogueKind> rogue_kinds();
[[nodiscard]] const RogueKind* find_rogue(std::string_view name);

// Their receivers' and their senders' tricks, and those that stand between two hosts.
[[nodiscard]] std::unique_ptr<RoguePeer> make_optimistic_ack(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_ack_division(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_sack_flood(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_zero_window(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_window_shrinker(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_tiny_mss(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_every_other_byte(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_overlap(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_urgent(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_blind(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_on_path(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_silent_death(const RogueSetup& setup);
[[nodiscard]] std::unique_ptr<RoguePeer> make_old_duplicates(const RogueSetup& setup);

}  // namespace levee::sim
