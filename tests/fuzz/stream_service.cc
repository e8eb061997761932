#include "fuzz/stream_service.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

// Sequence numbers that the peer has used up by closing.
std::uint32_t fin_of(State state) {
  const bool received = state == State::CloseWait || state == State::Closing || state == State::LastAck ||
                        state == State::TimeWait || state == State::Closed;
  return received ? 1 : 0;
}

}  // namespace

const StreamService::Stream* StreamService::stream_with(const SocketAddress& remote, std::uint16_t local_port) const {
  const auto found = std::find_if(streams_.rbegin(), streams_.rend(), [&](const Stream& stream) {
    return stream.remote == remote && stream.local.tcp_port == local_port;
  });
  return found == streams_.rend() ? nullptr : &*found;
}

StreamService::Stream* StreamService::live(std::size_t which) {
  for (auto stream = streams_.rbegin(); stream != streams_.rend(); ++stream) {
    if (!stream->closed && which-- == 0) return &*stream;
  }
  return nullptr;
}

StreamService::Stream* StreamService::stream_of(Connection connection) {
  for (Stream& stream : streams_) {
    if (stream.connection == connection) return &stream;
  }
  finding("an event for a connection that never opened");
}

Connection StreamService::connection(std::size_t which) const {
  const Stream* stream = const_cast<StreamService*>(this)->live(which);
  return stream == nullptr ? Connection() : stream->connection;
}

void StreamService::on_opened(Connection connection) {
  const ConnectionInfo info = connection.info();
  CHECK(connection.user_data() == 0);
  connection.set_user_data(1);
  Stream stream;
  stream.connection = connection;
  stream.local = connection.local();
  stream.remote = connection.remote();
  stream.in_base = info.rcv_nxt - static_cast<std::uint32_t>(connection.readable()) - fin_of(info.state);
  stream.out_base = info.snd_una;
  streams_.push_back(stream);
}

void StreamService::on_data(Connection connection) {
  Stream& stream = *stream_of(connection);
  CHECK(!stream.closed);
  if (!reads) return;
  if (echoes) {
    forward(0, 0, 0xffff);
  } else {
    take(stream, 0xffffffff);
  }
}

void StreamService::on_peer_closed(Connection connection) {
  Stream& stream = *stream_of(connection);
  CHECK(!stream.peer_closed && !stream.closed);
  stream.peer_closed = true;
  const auto left = static_cast<std::uint32_t>(connection.readable());
  stream.fin = stream.in_base + static_cast<std::uint32_t>(stream.received) + left;
  if (closes_with_peer) connection.close();
}

void StreamService::on_closed(Connection connection, CloseCause cause) {
  // A connection may end before its service heard of it.
  for (Stream& stream : streams_) {
    if (stream.connection != connection) continue;
    CHECK(!stream.closed);
    if (cause == CloseCause::Normal) CHECK(stream.peer_closed);
    stream.closed = true;
  }
}

void StreamService::check_text(const Stream& stream, std::span<const std::byte> piece) const {
  if (!checks_text) return;
  auto sequence = stream.in_base + static_cast<std::uint32_t>(stream.received);
  const std::byte mask{contradicted ? std::uint8_t{0x3f} : std::uint8_t{0xff}};
  for (const std::byte byte : piece) {
    if ((byte & mask) != text_at(sequence++))
      finding("a byte was delivered that is not the peer's, or at another place");
  }
}

void StreamService::take(Stream& stream, std::uint32_t count) {
  for (auto piece = stream.connection.peek(); !piece.empty() && count > 0; piece = stream.connection.peek()) {
    const auto part = piece.first(std::min<std::size_t>(piece.size(), count));
    check_text(stream, part);
    stream.received += part.size();
    count -= static_cast<std::uint32_t>(part.size());
    stream.connection.consume(part.size());
  }
}

void StreamService::send(std::size_t which, std::uint32_t count) {
  Stream* stream = live(which);
  if (stream == nullptr) return;
  std::string text(count, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>((stream->sent.size() + i) * 167 >> 3);
  const std::size_t space = stream->connection.send_space();
  const std::size_t accepted = stream->connection.send(std::as_bytes(std::span(text)));
  CHECK(accepted <= text.size() && accepted <= space);
  stream->sent.append(text, 0, accepted);
}

void StreamService::read(std::size_t which, std::uint32_t count) {
  if (Stream* stream = live(which)) take(*stream, count);
}

void StreamService::forward(std::size_t from_which, std::size_t to_which, std::uint32_t count) {
  Stream *from = live(from_which), *to = live(to_which);
  if (from == nullptr || to == nullptr) return;
  std::vector<std::byte> bytes(std::min<std::size_t>(from->connection.readable(), count));
  CHECK(from->connection.copy(bytes) == bytes.size());
  const std::size_t handed = to->connection.forward(from->connection, count);
  CHECK(handed <= bytes.size());
  check_text(*from, std::span(bytes).first(handed));
  from->received += handed;
  to->sent.append(reinterpret_cast<const char*>(bytes.data()), handed);
}

}  // namespace levee::fuzz
