// The character generator (RFC 864): from the handshake on, lines of 72 printing characters, each starting one
// character later in the ring of 95, for as long as the peer's window lets them through. Input is thrown away; a FIN
// ends it.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "levee/service.h"

namespace levee::service {

inline constexpr std::size_t kChargenLine = 72;                                          // characters, CR LF aside
inline constexpr std::size_t kPrintingCharacters = 95;                                   // ' ' to '~'
inline constexpr std::size_t kChargenPeriod = kPrintingCharacters * (kChargenLine + 2);  // bytes until it repeats

// One period of the pattern, from line 0, which starts with the space.
[[nodiscard]] std::span<const char, kChargenPeriod> chargen_pattern();

class Chargen final : public Service {
 public:
  void on_opened(Connection connection) override;
  void on_data(Connection connection) override;
  void on_writable(Connection connection) override;
};

}  // namespace levee::service
