// HTTP/1.1 and 1.0 (RFC 9112): keep-alive, pipelining, GET and HEAD. One response is finished before the next request
// is looked at; requests that wait stay unread on their connection, so the receive window is the bound on them. There
// is no timer here: a client who sends half a request holds its connection until it goes away.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "levee/service.h"
#include "service/file_root.h"
#include "service/http_request.h"
#include "service/http_site.h"

namespace levee::service {

class HttpService final : public Service {
 public:
  explicit HttpService(HttpSite site);

  void on_opened(Connection connection) override;
  void on_data(Connection connection) override;
  void on_peer_closed(Connection connection) override;
  void on_writable(Connection connection) override;
  void on_closed(Connection connection, CloseCause cause) override;

  [[nodiscard]] std::size_t sessions() const { return sessions_.size() - free_.size(); }

 private:
  struct Session {
    std::string rest;  // of the response, not yet accepted by the connection
    std::size_t rest_at = 0;
    File file;               // follows `rest`
    std::size_t looked = 0;  // leading bytes of the input known to be no whole head
    bool peer_closed = false;
    bool last = false;  // the response under way is the last one
    bool over = false;  // close() or abort() was called: input is thrown away
  };

  [[nodiscard]] Session* session_of(Connection connection);
  void pump(Connection connection);
  [[nodiscard]] static bool flush(Connection connection, Session& session);
  [[nodiscard]] bool start_next(Connection connection, Session& session);
  [[nodiscard]] std::string_view look(Connection connection);
  void respond(Connection connection, Session& session, const Request& request, Answer answer);

  HttpSite site_;
  std::deque<Session> sessions_;  // stable; user_data is the place + 1. The shard's connection limit bounds them
  std::vector<std::uint32_t> free_;
  std::array<char, kMaxHead> head_;  // a head that arrived in pieces
  std::string out_;                  // a response as it is written
};

}  // namespace levee::service
