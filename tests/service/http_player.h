// An http service with a client that the test plays.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "service/fake_connection.h"
#include "service/http_service.h"
#include "service/responses.h"

namespace levee::service {

inline std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: levee\r\n" + std::string(fields) + "\r\n";
}

inline std::string head(std::string_view target) {
  return "HEAD " + std::string(target) + " HTTP/1.1\r\nHost: levee\r\n\r\n";
}

// A service on its own; counts how often the counters were asked for.
struct HttpPlayer {
  explicit HttpPlayer(std::shared_ptr<const FileRoot> files = nullptr)
      : service(HttpSite({.shard = 0,
                          .snapshot =
                              [this] {
                                ++snapshots;
                                return StatsSnapshot{};
                              }},
                         std::move(files), "1.2.3")) {}

  // Everything that one client, who sends `bytes` at once and stays, gets back.
  std::string ask(std::string_view bytes) {
    FakeConnection client(service);
    client.opens();
    client.sends(bytes);
    client.acknowledges_everything();
    std::string received = client.received;
    client.resets();
    return received;
  }

  int snapshots = 0;
  HttpService service;
};

}  // namespace levee::service
