// RFC 864. The place in the pattern is the connection's user_data; there is no other state.
#include "service/chargen.h"

#include <algorithm>
#include <cstring>

namespace levee::service {
namespace {

constexpr std::array<char, kChargenPeriod> make_pattern() {
  std::array<char, kChargenPeriod> pattern{};
  std::size_t at = 0;
  for (std::size_t line = 0; line < kPrintingCharacters; ++line) {
    for (std::size_t column = 0; column < kChargenLine; ++column) {
      pattern[at++] = static_cast<char>(' ' + (line + column) % kPrintingCharacters);
    }
    pattern[at++] = '\r';
    pattern[at++] = '\n';
  }
  return pattern;
}

constexpr std::array<char, kChargenPeriod> kPattern = make_pattern();

// Ends because the send buffer has a bound; on_writable goes on where this stopped.
void fill(Connection connection) {
  std::uint64_t at = connection.user_data();
  for (;;) {
    const std::span<std::byte> room = connection.reserve(kChargenPeriod - at);
    if (room.empty()) break;
    std::memcpy(room.data(), kPattern.data() + at, room.size());
    connection.commit(room.size());
    at = (at + room.size()) % kChargenPeriod;
  }
  connection.set_user_data(at);
}

}  // namespace

std::span<const char, kChargenPeriod> chargen_pattern() { return kPattern; }

void Chargen::on_opened(Connection connection) { fill(connection); }

void Chargen::on_data(Connection connection) { connection.consume(connection.readable()); }

void Chargen::on_writable(Connection connection) { fill(connection); }

}  // namespace levee::service
