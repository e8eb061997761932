// A service that writes down what it is told, one word per event, and leaves the decisions to the test.
#pragma once

#include <string>
#include <vector>

#include "levee/service.h"

namespace levee::sim {

class RecordingService final : public Service {
 public:
  // What it does by itself; everything else the test does through `connection`.
  bool consumes = true;           // takes received bytes into `received`
  bool closes_with_peer = false;  // answers the peer's FIN with close()

  std::vector<std::string>
      events;  // "opened", "urgent 3", "data 5", "peer_closed", "writable", "report retransmitting", "closed normal"
  std::string received;   // what was consumed, of all connections
  Connection connection;  // the one that the last event but `closed` was about

  // The events since the last call, joined by ", ".
  std::string take_events() {
    std::string text;
    for (const std::string& event : events) text += (text.empty() ? "" : ", ") + event;
    events.clear();
    return text;
  }
  // Reads what is there into `received` and opens the window.
  void read(Connection from) {
    for (auto piece = from.peek(); !piece.empty(); piece = from.peek()) {
      received.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      from.consume(piece.size());
    }
  }

  void on_opened(Connection opened) override {
    connection = opened;
    events.emplace_back("opened");
  }
  void on_data(Connection from) override {
    connection = from;
    events.push_back("data " + std::to_string(from.readable()));
    if (consumes) read(from);
  }
  void on_urgent(Connection from, std::size_t offset) override {
    connection = from;
    events.push_back("urgent " + std::to_string(offset));
  }
  void on_error_report(Connection about, ErrorReport report) override {
    connection = about;
    events.push_back("report " + std::string(name(report)));
  }
  void on_peer_closed(Connection closing) override {
    connection = closing;
    events.emplace_back("peer_closed");
    if (closes_with_peer) closing.close();
  }
  void on_writable(Connection to) override {
    connection = to;
    events.emplace_back("writable");
  }
  void on_closed(Connection /*closed*/, CloseCause cause) override {
    events.push_back("closed " + std::string(name(cause)));
  }
};

}  // namespace levee::sim
