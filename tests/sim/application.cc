// Sending, receiving and closing according to plan; see application.h.
#include "sim/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace levee::sim {

bool Application::start(Instant now, const ConnectionPlan& plan, SocketAddress server) {
  now_ = now;
  const shard::ConnectResult result = shard_->connect(now, server, 0, plan.local_port);
  if (result.error != shard::ConnectError::None) return false;
  Connection connection = result.connection;
  (*plans_)[connection.local().tcp_port] = &plan;
  connection.set_user_data(begin(connection, plan, true));
  return true;
}

std::size_t Application::begin(Connection connection, const ConnectionPlan& plan, bool is_client) {
  Talk talk;
  talk.plan = &plan;
  talk.is_client = is_client;
  talk.connection = connection;
  // An echoing server returns the client's stream.
  const std::uint64_t from_client = plan.seed, from_server = plan.echo ? plan.seed : plan.seed + 1;
  talk.outgoing = StreamOracle(is_client ? from_client : from_server);
  talk.incoming = StreamOracle(is_client ? from_server : from_client);
  const std::uint64_t server_bytes = plan.echo ? plan.client.bytes : plan.server.bytes;
  talk.to_send = is_client ? plan.client.bytes : server_bytes;
  talk.to_receive = is_client ? server_bytes : plan.client.bytes;
  talk.pauses_left = part(talk).pauses;
  talks_.push_back(talk);
  ++unfinished_;
  return talks_.size();
}

Talk* Application::talk_of(Connection connection) {
  const std::uint64_t number = connection.user_data();
  return number == 0 || number > talks_.size() ? nullptr : &talks_[number - 1];
}

void Application::fail(const Talk& talk, const std::string& what) {
  if (failure_.empty()) failure_ = what + ": " + describe(talk);
}

void Application::on_opened(Connection connection) {
  if (talk_of(connection) == nullptr) {
    const auto plan = plans_->find(connection.remote().tcp_port);
    if (plan == plans_->end()) {
      failure_ = "a connection opened that nobody planned";
      return;
    }
    connection.set_user_data(begin(connection, *plan->second, false));
  }
  Talk& talk = *talk_of(connection);
  if (talk.opened) fail(talk, "opened twice");
  talk.opened = true;
  go_on(talk);
}

void Application::on_data(Connection connection) {
  if (Talk* talk = talk_of(connection)) {
    if (!talk->opened || talk->peer_closed || talk->closed) fail(*talk, "data out of order");
    go_on(*talk);
  }
}

void Application::on_peer_closed(Connection connection) {
  if (Talk* talk = talk_of(connection)) {
    if (!talk->opened || talk->peer_closed || talk->closed) fail(*talk, "the peer's close out of order");
    talk->peer_closed = true;
    if (talk->received + connection.readable() != talk->to_receive) fail(*talk, "the stream ended early");
    go_on(*talk);
  }
}

void Application::on_writable(Connection connection) {
  if (Talk* talk = talk_of(connection)) go_on(*talk);
}

void Application::on_closed(Connection connection, CloseCause cause) {
  Talk* talk = talk_of(connection);
  if (talk == nullptr) return;
  if (talk->closed) fail(*talk, "closed twice");
  talk->closed = true;
  talk->cause = cause;
  --unfinished_;
  if (cause == CloseCause::Normal && (talk->received != talk->to_receive || talk->sent != talk->to_send)) {
    fail(*talk, "a normal close although bytes are missing");
  }
}

void Application::go_on(Talk& talk) {
  if (echoes(talk)) {
    echo(talk);
  } else {
    read(talk);
    write(talk);
  }
  close_if_due(talk);
}

void Application::check_read(Talk& talk, std::size_t count) {
  std::size_t left = count;
  while (left > 0) {
    const auto piece = talk.connection.peek();
    if (piece.empty()) return fail(talk, "readable bytes that cannot be seen");
    const auto part_of_piece = piece.first(std::min(left, piece.size()));
    const std::size_t difference = talk.incoming.first_difference(talk.received, part_of_piece);
    if (difference != part_of_piece.size()) {
      fail(talk, fmt::format("wrong byte at offset {}", talk.received + difference));
    }
    talk.connection.consume(part_of_piece.size());
    talk.received += part_of_piece.size();
    left -= part_of_piece.size();
  }
  if (talk.received > talk.to_receive) fail(talk, "more bytes than were sent");
}

void Application::read(Talk& talk) {
  const TalkerPlan& plan = part(talk);
  const std::size_t readable = talk.connection.readable();
  if (readable == 0 || talk.paused) return;
  if (plan.read_chunk == 0 || talk.pauses_left == 0) return check_read(talk, readable);
  check_read(talk, std::min<std::size_t>(readable, plan.read_chunk));
  --talk.pauses_left;
  talk.paused = true;
  pauses_.push({now_ + plan.read_pause, static_cast<std::size_t>(talk.connection.user_data())});
}

void Application::wake(Instant now) {
  now_ = now;
  while (!pauses_.empty() && pauses_.top().until <= now) {
    Talk& talk = talks_[pauses_.top().talk - 1];
    pauses_.pop();
    talk.paused = false;
    if (!talk.closed && talk.connection.live()) go_on(talk);
  }
}

void Application::write(Talk& talk) {
  const bool may_begin = talk.is_client || talk.plan->close != CloseOrder::HalfClose || talk.peer_closed;
  if (!may_begin) return;
  const TalkerPlan& plan = part(talk);
  while (talk.sent < talk.to_send) {
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(plan.write_chunk, talk.to_send - talk.sent));
    std::size_t accepted = 0;
    if (plan.writes_in_place) {
      const std::span<std::byte> room = talk.connection.reserve(chunk);
      if (room.size() > chunk) fail(talk, "reserve gave more than was wanted");
      talk.outgoing.fill(talk.sent, room);
      talk.connection.commit(room.size());
      accepted = room.size();
      if (accepted == 0) return;
    } else {
      scratch_.resize(chunk);
      talk.outgoing.fill(talk.sent, scratch_);
      accepted = talk.connection.send(scratch_);
      if (accepted < chunk) {
        talk.sent += accepted;
        return;
      }
    }
    talk.sent += accepted;
  }
}

void Application::echo(Talk& talk) {
  Connection& connection = talk.connection;
  if (talk.paused) return;
  while (const std::size_t readable = connection.readable()) {
    std::size_t moved = 0;
    if (talk.plan->echo_forwards) {
      moved = connection.forward(connection, readable);
    } else {
      const auto piece = connection.peek();
      moved = connection.send(piece);
      if (talk.incoming.first_difference(talk.received, piece.first(moved)) != moved) fail(talk, "wrong byte to echo");
      connection.consume(moved);
    }
    talk.received += moved;
    talk.sent += moved;
    if (moved == 0) return;
  }
}

void Application::close_if_due(Talk& talk) {
  if (talk.close_called || talk.sent < talk.to_send) return;
  const bool received_all = talk.received >= talk.to_receive;
  bool due = talk.peer_closed && received_all;
  switch (talk.plan->close) {
    case CloseOrder::ClientFirst:
      due = due || (talk.is_client && received_all);
      break;
    case CloseOrder::ServerFirst:
      due = due || (!talk.is_client && received_all);
      break;
    case CloseOrder::Both:
      due = true;
      break;
    case CloseOrder::HalfClose:
      due = due || talk.is_client;
      break;
  }
  if (!due) return;
  talk.close_called = true;
  talk.connection.close();
}

std::string describe(const Talk& talk) {
  const ConnectionInfo info = talk.connection.live() ? talk.connection.info() : ConnectionInfo{};
  return fmt::format(
      "connection {} ({}), sent {} of {}, received {} of {}, {} readable{}{}{}{}, {}, una {} nxt {} wnd {} rto {} ms",
      talk.plan->number, talk.is_client ? "client" : "server", talk.sent, talk.to_send, talk.received, talk.to_receive,
      talk.connection.readable(), talk.opened ? "" : ", not opened", talk.paused ? ", paused" : "",
      talk.peer_closed ? ", peer closed" : "", talk.close_called ? ", close called" : "",
      talk.closed ? name(talk.cause) : name(info.state), info.snd_una, info.snd_nxt, info.snd_wnd,
      info.rto / std::chrono::milliseconds(1));
}

}  // namespace levee::sim
