// The conversation of one connection, event by event. `pump` does whatever can be done now and is called by every
// event, since on_data is not repeated for requests that were left unread behind a response.
#include "service/http_service.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace levee::service {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// RFC 9112 2.2: empty lines before a request line are ignored.
std::size_t leading_empty_lines(std::string_view input) {
  std::size_t count = 0;
  while (input.substr(count, 2) == "\r\n") count += 2;
  return count;
}

}  // namespace

HttpService::HttpService(HttpSite site) : site_(std::move(site)), head_{} {}

HttpService::Session* HttpService::session_of(Connection connection) {
  const std::uint64_t place = connection.user_data();
  return place == 0 ? nullptr : &sessions_[place - 1];
}

void HttpService::on_opened(Connection connection) {
  connection.set_nagle(false);  // a response is handed over whole; holding its tail back would only delay it
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(sessions_.size()));
    sessions_.emplace_back();
  }
  connection.set_user_data(std::uint64_t{free_.back()} + 1);
  free_.pop_back();
}

void HttpService::on_data(Connection connection) { pump(connection); }

void HttpService::on_writable(Connection connection) { pump(connection); }

void HttpService::on_peer_closed(Connection connection) {
  if (Session* session = session_of(connection)) session->peer_closed = true;
  pump(connection);
}

void HttpService::on_closed(Connection connection, CloseCause /*cause*/) {
  Session* session = session_of(connection);
  if (session == nullptr) return;
  *session = Session{};  // closes the file
  free_.push_back(static_cast<std::uint32_t>(connection.user_data() - 1));
  connection.set_user_data(0);
}

// Each round takes at least one byte of input or leaves, and leaves when the send buffer is full.
void HttpService::pump(Connection connection) {
  Session* session = session_of(connection);
  if (session == nullptr) return;
  site_.refresh();
  while (!session->over) {
    if (!flush(connection, *session)) break;
    if (session->last) {
      session->over = true;
      connection.close();
    } else if (!start_next(connection, *session)) {
      break;
    }
  }
  // RFC 9112 9.6: what a client still sends after our last response is read, or it would be answered by an RST that
  // may destroy the response on its way.
  if (session->over) connection.consume(connection.readable());
}

// Moves the response under way along. False: it is not finished, because the send buffer is full and on_writable will
// follow, or because it was aborted.
bool HttpService::flush(Connection connection, Session& session) {
  if (session.rest_at < session.rest.size()) {
    session.rest_at += connection.send(as_bytes(std::string_view(session.rest).substr(session.rest_at)));
    if (session.rest_at < session.rest.size()) return false;
    session.rest = std::string();  // gives the memory back
    session.rest_at = 0;
  }
  while (session.file.left() > 0) {
    const std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    const std::span<std::byte> room = connection.reserve(static_cast<std::size_t>(std::min(session.file.left(), most)));
    if (room.empty()) return false;
    const std::size_t got = session.file.read(room);
    if (got == 0) {
      // The promised Content-Length cannot be kept; only an RST tells the client that this was not the end.
      session.file = File();
      session.over = true;
      connection.abort();
      return false;
    }
    connection.commit(got);
  }
  session.file = File();
  return true;
}

// The input's start as one piece, where it lies or, if the head is spread over several, copied together.
std::string_view HttpService::look(Connection connection) {
  const std::string_view first = as_text(connection.peek()).substr(0, kMaxHead);
  if (first.size() == kMaxHead || first.size() == connection.readable()) return first;
  if (first.find(kEndOfHead) != std::string_view::npos) return first;
  const std::size_t copied = connection.copy(std::as_writable_bytes(std::span(head_)));
  return {head_.data(), copied};
}

// Takes the next request and starts its response. False: there is none yet, or none will come.
bool HttpService::start_next(Connection connection, Session& session) {
  std::string_view input = look(connection);
  if (const std::size_t empty = session.looked == 0 ? leading_empty_lines(input) : 0; empty > 0) {
    connection.consume(empty);
    return true;
  }
  if (input.empty() || input == "\r") {
    session.last = session.peer_closed;
    return session.last;
  }
  // A head is parsed anew when a line of it has ended, so that one sent byte by byte costs little and a broken line is
  // answered when it ends.
  const bool line_ended = input.find('\n', session.looked) != std::string_view::npos;
  const bool worth_parsing = session.looked == 0 || line_ended || input.size() == kMaxHead || session.peer_closed;
  session.looked = input.size();
  if (!worth_parsing) return false;

  const Parsed parsed = parse_request(input);
  switch (parsed.outcome) {
    case Parsed::Outcome::Ready:
      respond(connection, session, parsed.request, site_.answer(parsed.request));
      connection.consume(parsed.length);
      break;
    case Parsed::Outcome::Refused:
      respond(connection, session, Request(), site_.refuse(parsed.refusal));
      break;
    case Parsed::Outcome::NeedMore:
      if (!session.peer_closed) return false;
      respond(connection, session, Request(), site_.refuse(Status::BadRequest));  // RFC 9112 8: incomplete
      break;
  }
  session.looked = 0;
  return true;
}

void HttpService::respond(Connection connection, Session& session, const Request& request, Answer answer) {
  out_.clear();
  write_head(out_,
             {.status = answer.status,
              .content_type = answer.content_type,
              .content_length = answer.length(),
              .http_1_1 = request.http_1_1,
              .keep_alive = answer.keep_alive,
              .cacheable = answer.cacheable},
             site_.version());
  session.last = !answer.keep_alive;
  if (request.method != Method::Head) {
    out_ += answer.text;
    if (answer.file.left() > 0) session.file = std::move(answer.file);
  }
  const std::size_t sent = connection.send(as_bytes(out_));
  if (sent < out_.size()) session.rest.assign(out_, sent);
}

}  // namespace levee::service
