// Conversations with a shard whose tables are small, for the tests of ShardLimits.
#pragma once

#include <cstdint>

#include "levee/connection.h"
#include "sim/conversation.h"

namespace levee::shard {

inline sim::ConversationOptions with(const ShardLimits& limits) {
  sim::ConversationOptions options;
  options.shard.limits = limits;
  return options;
}
inline ShardLimits small() { return sim::ConversationOptions().shard.limits; }

inline sim::Peer& add(sim::Conversation& talk, unsigned number) {
  return talk.add_peer({.tcp_port = static_cast<std::uint16_t>(41000 + number)});
}

// Both sides close, the service first; it ends in TIME-WAIT.
inline void closes(sim::Peer& peer, Connection connection) {
  connection.close();
  peer.expects(sim::fin());
  peer.sends(sim::fin());
  peer.expects(sim::ack());
}

}  // namespace levee::shard
