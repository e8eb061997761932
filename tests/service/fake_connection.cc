// `levee::shard::Shard` is declared by the public face and is a friend of Connection; in these test programs it is the
// class below, which only knows its one connection.
#include "service/fake_connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace levee::shard {

class Shard {
 public:
  explicit Shard(service::FakeConnection& fake) : fake_(fake) {}
  Connection handle() { return {this, 0, 1}; }
  service::FakeConnection& fake() { return fake_; }

 private:
  service::FakeConnection& fake_;
};

}  // namespace levee::shard

namespace levee {

bool Connection::live() const { return shard_ != nullptr && shard_->fake().live_; }

State Connection::state() const {
  if (!live()) return State::Closed;
  const service::FakeConnection& fake = shard_->fake();
  if (fake.peer_closed_) return fake.closed_ ? State::LastAck : State::CloseWait;
  return fake.closed_ ? State::FinWait1 : State::Established;
}

std::size_t Connection::readable() const { return live() ? shard_->fake().unread_ : 0; }

std::span<const std::byte> Connection::peek() const {
  if (readable() == 0) return {};
  return std::as_bytes(std::span(shard_->fake().pieces_.front()));
}

std::size_t Connection::copy(std::span<std::byte> to) const {
  if (!live()) return 0;
  std::size_t done = 0;
  for (const std::string& piece : shard_->fake().pieces_) {
    const std::size_t count = std::min(piece.size(), to.size() - done);
    std::memcpy(to.data() + done, piece.data(), count);
    done += count;
  }
  return done;
}

void Connection::consume(std::size_t count) {
  if (!live()) return;
  service::FakeConnection& fake = shard_->fake();
  count = std::min(count, fake.unread_);
  fake.unread_ -= count;
  while (count > 0) {
    std::string& piece = fake.pieces_.front();
    const std::size_t taken = std::min(count, piece.size());
    piece.erase(0, taken);
    count -= taken;
    if (piece.empty()) fake.pieces_.pop_front();
  }
}

std::size_t Connection::send_space() const {
  if (!live() || shard_->fake().closed_) return 0;
  return shard_->fake().room_.send_buffer - shard_->fake().held_.size();
}

std::size_t Connection::send(std::span<const std::byte> bytes) {
  if (!live() || shard_->fake().closed_) return 0;
  const std::size_t count = std::min(bytes.size(), send_space());
  shard_->fake().held_.append(reinterpret_cast<const char*>(bytes.data()), count);
  if (count < bytes.size()) shard_->fake().blocked_ = true;
  return count;
}

std::span<std::byte> Connection::reserve(std::size_t wanted) {
  if (!live() || shard_->fake().closed_) return {};
  service::FakeConnection& fake = shard_->fake();
  const std::size_t count = std::min({wanted, send_space(), fake.room_.block});
  if (count == 0) {
    fake.blocked_ = true;
    return {};
  }
  fake.reserved_.assign(count, '?');
  return std::as_writable_bytes(std::span(fake.reserved_));
}

void Connection::commit(std::size_t count) {
  if (!live()) return;
  service::FakeConnection& fake = shard_->fake();
  EXPECT_LE(count, fake.reserved_.size()) << "commit of more than was reserved";
  fake.held_ += fake.reserved_.substr(0, count);
  fake.reserved_.clear();
}

std::size_t Connection::forward(Connection from, std::size_t count) {
  if (!live() || shard_->fake().closed_) return 0;
  const std::size_t given = std::min({count, from.readable(), send_space()});
  std::string bytes(given, '?');
  from.copy(std::as_writable_bytes(std::span(bytes)));
  from.consume(given);
  shard_->fake().held_ += bytes;
  if (given < count) shard_->fake().blocked_ = true;
  return given;
}

CallError Connection::close() {
  if (!live()) return CallError::NoConnection;
  shard_->fake().closed_ = true;
  return CallError::None;
}

CallError Connection::abort() {
  if (!live()) return CallError::NoConnection;
  shard_->fake().aborted_ = true;
  shard_->fake().pieces_.clear();
  shard_->fake().unread_ = 0;
  return CallError::None;
}

void Connection::set_nagle(bool on) {
  if (live()) shard_->fake().nagle_ = on;
}

std::uint64_t Connection::user_data() const { return live() ? shard_->fake().user_data_ : 0; }

void Connection::set_user_data(std::uint64_t value) {
  if (live()) shard_->fake().user_data_ = value;
}

namespace service {

FakeConnection::FakeConnection(Service& service, Room room)
    : service_(service), room_(room), shard_(new shard::Shard(*this)) {}

FakeConnection::~FakeConnection() { delete shard_; }

Connection FakeConnection::connection() const { return shard_->handle(); }

void FakeConnection::opens() {
  opened_ = true;
  service_.on_opened(connection());
  settle();
}

void FakeConnection::sends(std::string_view bytes) {
  if (bytes.empty()) return;
  sends_without_event(bytes);
  service_.on_data(connection());
  settle();
}

void FakeConnection::sends_without_event(std::string_view bytes) {
  ASSERT_TRUE(opened_ && live_ && !peer_closed_);
  pieces_.emplace_back(bytes);
  unread_ += bytes.size();
}

void FakeConnection::sends_fin() {
  ASSERT_TRUE(opened_ && live_ && !peer_closed_);
  peer_closed_ = true;
  service_.on_peer_closed(connection());
  settle();
}

void FakeConnection::resets() {
  pieces_.clear();
  unread_ = 0;
  end(CloseCause::Reset);
}

void FakeConnection::acknowledges(std::size_t count) {
  received += held_.substr(0, count);
  held_.erase(0, count);
  if (live_ && blocked_ && !closed_ && held_.size() <= room_.send_buffer / 2) {
    blocked_ = false;
    service_.on_writable(connection());
  }
  settle();
}

void FakeConnection::acknowledges_everything() {
  do {
    acknowledges(held_.size());
  } while (!held_.empty());
}

void FakeConnection::settle() {
  if (aborted_) {
    held_.clear();
    end(CloseCause::Aborted);
  } else if (peer_closed_ && fin_received() && unread_ == 0) {
    end(CloseCause::Normal);
  }
}

void FakeConnection::end(CloseCause cause) {
  if (!live_) return;
  service_.on_closed(connection(), cause);
  live_ = false;
  ended_ = cause;
}

}  // namespace service
}  // namespace levee
