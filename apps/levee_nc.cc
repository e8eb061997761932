// levee-nc: a netcat, and the tour of the active side. A service that listens nowhere connects when its worker starts
// (ServiceContext::connect, shard/records.cc), looks at stdin at every tick and leaves unread on the connection what
// stdout does not take: the window closes (RFC 9293 3.8.6).
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "apps/nc_flags.h"
#include "device/startup_error.h"
#include "levee/endpoint.h"
#include "levee/service.h"

namespace {

using namespace levee;

// Both are shared with whoever started us, so they stay blocking: asked first, and written no more than a pipe with any
// room takes whole.
bool is_ready(int file, short event) {
  pollfd watched{.fd = file, .events = event, .revents = 0};
  return poll(&watched, 1, 0) > 0;
}
bool try_again() { return errno == EINTR || errno == EAGAIN; }

class Netcat final : public Service {
 public:
  Netcat(const ServiceContext& context, const SocketAddress& remote) : context_(context), remote_(remote) {}
  // Only the first verdict counts: this is for a signal before anybody has connected.
  ~Netcat() override { fail("interrupted before a connection ended"); }

  void on_started() override {
    if (remote_.tcp_port == 0 || context_.shard != 0) return;
    const ConnectError error = context_.connect(remote_).error;
    if (error == ConnectError::None) return;
    const char* why = error == ConnectError::BadAddress ? ": give the address of one other host" : ": no room";
    if (error == ConnectError::NoSourceAddress) why = ": no way there, give --address or --gateway of its family";
    fail(to_string(remote_) + why);
  }
  void on_tick() override {
    write_out();
    read_in();
  }
  void on_opened(Connection connection) override {
    if (connection_ != Connection{}) return static_cast<void>(connection.abort());  // with -l: the first one alone
    connection_ = connection;
    remote_ = connection.remote();
    read_in();
  }
  void on_data(Connection /*connection*/) override { write_out(); }
  void on_peer_closed(Connection /*connection*/) override {}  // ours goes on until the end of stdin
  void on_writable(Connection /*connection*/) override { read_in(); }
  void on_error_report(Connection /*connection*/, ErrorReport report) override { report_ = report; }
  void on_closed(Connection connection, CloseCause cause) override {
    if (connection_ != Connection{} && connection != connection_) return;
    // With Normal every byte was consumed, so it is written.
    if (cause == CloseCause::Normal) return context_.stop(0, "");
    std::string sentence = fmt::format("{}: connection {}", to_string(remote_), name(cause));
    if (report_) sentence += fmt::format(", last heard: {}", name(*report_));
    std::replace(sentence.begin(), sentence.end(), '_', ' ');
    fail(sentence);
  }

 private:
  void fail(const std::string& sentence) { context_.stop(1, sentence); }

  // Until stdin has no more, or the send buffer no more room.
  void read_in() {
    while (connection_.send_error() == CallError::None) {
      if (waiting_.empty()) {
        const std::size_t room = std::min(connection_.send_space(), buffer_.size());
        if (room == 0 || !is_ready(STDIN_FILENO, POLLIN)) return;
        const ssize_t got = read(STDIN_FILENO, buffer_.data(), room);
        if (got < 0 && try_again()) return;
        if (got < 0) return give_up("stdin");
        if (got == 0) return static_cast<void>(connection_.close());  // FIN behind all of it (RFC 9293 3.6, case 1)
        waiting_ = std::span(buffer_).first(static_cast<std::size_t>(got));
      }
      waiting_ = waiting_.subspan(connection_.send(waiting_));
      if (!waiting_.empty()) return;  // short of packet buffers
    }
  }

  // Until all is written, or stdout takes no more.
  void write_out() {
    for (auto piece = connection_.peek(); !piece.empty(); piece = connection_.peek()) {
      if (!is_ready(STDOUT_FILENO, POLLOUT)) return;
      const ssize_t put = write(STDOUT_FILENO, piece.data(), std::min<std::size_t>(piece.size(), PIPE_BUF));
      if (put < 0 && try_again()) return;
      if (put < 0) return give_up("stdout");
      connection_.consume(static_cast<std::size_t>(put));
    }
  }

  void give_up(const char* file) {
    fail(fmt::format("{}: {}", file, std::strerror(errno)));
    connection_.abort();
  }

  ServiceContext context_;
  SocketAddress remote_;
  Connection connection_;              // dead until it is open
  std::optional<ErrorReport> report_;  // the newest
  std::array<std::byte, 16384> buffer_{};
  std::span<const std::byte> waiting_;  // what was read and not yet accepted
};

int refuse(const std::string& sentence, int exit_code) {
  fmt::print(stderr, "levee-nc: {}\n", sentence);
  return exit_code;
}

int run(const apps::NcSettings& settings) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of write
  Endpoint endpoint(settings.endpoint);
  endpoint.add_service(apps::kNcService, [&settings](const ServiceContext& context) {
    return std::make_unique<Netcat>(context, settings.remote);
  });
  const EndpointResult result = endpoint.run();
  return result.exit_code == 0 ? 0 : refuse(result.error, result.exit_code);
}

}  // namespace

int main(int argc, char** argv) try {
  const apps::NcSettings settings = apps::read_nc_settings(std::vector<std::string>(argv + 1, argv + argc));
  if (settings.task == apps::Task::Run) return run(settings);
  const std::string version = fmt::format("levee-nc {}\n", apps::kVersion);
  fmt::print("{}", settings.task == apps::Task::Help ? apps::nc_help_text() : version);
  return 0;
} catch (const apps::UsageError& error) {
  return refuse(error.what(), device::kExitUsage);
} catch (const std::exception& error) {
  return refuse(error.what(), device::kExitDevice);
}
