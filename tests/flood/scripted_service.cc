// Requests byte by byte, replies in place; see scripted_service.h.
#include "flood/scripted_service.h"

#include <span>

namespace levee::flood {

ScriptedService::Session& ScriptedService::session(Connection connection) {
  if (connection.user_data() == 0) {
    if (free_.empty()) {
      sessions_.emplace_back();
      free_.push_back(sessions_.size());
    }
    connection.set_user_data(free_.back());
    sessions_[free_.back() - 1] = Session{};
    free_.pop_back();
  }
  return sessions_[connection.user_data() - 1];
}

void ScriptedService::on_data(Connection connection) {
  Session& talk = session(connection);
  while (connection.readable() > 0) {
    const std::span<const std::byte> piece = connection.peek();
    for (const std::byte byte : piece) take(talk, byte);
    connection.consume(piece.size());
  }
  if (talk.received == talk.script.request) write(connection, talk);
}

void ScriptedService::take(Session& talk, std::byte byte) {
  if (talk.received < peer::kScriptLength) {
    talk.head[talk.received++] = byte;
    if (talk.received == peer::kScriptLength) talk.script = peer::decode(talk.head);
  } else if (talk.received == talk.script.request || byte != peer::stream_byte(talk.script.nonce, talk.received)) {
    ++wrong_bytes_;
    return;
  } else {
    ++talk.received;
  }
  if (talk.received == talk.script.request) ++requests_;
}

void ScriptedService::write(Connection connection, Session& talk) {
  while (talk.sent < talk.script.reply) {
    const std::span<std::byte> room = connection.reserve(talk.script.reply - talk.sent);
    if (room.empty()) return;
    for (std::byte& byte : room) byte = peer::stream_byte(~talk.script.nonce, talk.sent++);
    connection.commit(room.size());
  }
  if (talk.script.server_closes || talk.peer_closed) connection.close();
}

void ScriptedService::on_peer_closed(Connection connection) {
  Session& talk = session(connection);
  talk.peer_closed = true;
  if (talk.received < talk.script.request || talk.sent == talk.script.reply) connection.close();
}

void ScriptedService::on_writable(Connection connection) {
  Session& talk = session(connection);
  if (talk.received == talk.script.request) write(connection, talk);
}

void ScriptedService::on_closed(Connection connection, CloseCause cause) {
  (cause == CloseCause::Normal ? ended_well_ : ended_badly_) += 1;
  if (connection.user_data() != 0) free_.push_back(connection.user_data());
}

}  // namespace levee::flood
