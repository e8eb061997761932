// CUBIC's window (RFC 9438): after a reduction it grows as a cubic function of time, fast at first, slowly around the
// size that was too much, then faster and faster; and at least as fast as Reno would. In integers, so that a run is the
// same with every compiler.
#pragma once

#include <cstdint>

namespace levee::tcp {

// RFC 9438 4.6, RFC 8511 3.1; in 1024ths.
inline constexpr std::uint32_t kCubicBeta = 717, kCubicBetaEcn = 870;
[[nodiscard]] constexpr std::uint32_t share(std::uint32_t window, std::uint32_t of_1024) {
  return static_cast<std::uint32_t>(std::uint64_t{window} * of_1024 / 1024);
}

// A stretch of congestion avoidance without a reduction.
struct Epoch {
  bool active = false;
  std::uint32_t start_ms = 0;    // low 32 bits of the millisecond clock
  std::uint32_t k_ms = 0;        // K: when the cubic function is back at the plateau
  std::uint32_t plateau = 0;     // W_max, or where the epoch began if that was more
  std::uint32_t cwnd_prior = 0;  // bytes; the window before the last reduction
  std::uint64_t w_est = 0;       // Reno's window, in 256ths of a byte

  void begin_after(std::uint32_t window) {
    active = false;
    cwnd_prior = window;
  }
};

struct CubicInput {
  std::uint32_t cwnd = 0;
  std::uint32_t delivered = 0;
  std::uint32_t mss = 0;
  std::uint32_t srtt_us = 0;
  std::uint32_t now_ms = 0;
};

// Octets by which cwnd grows in congestion avoidance. `rest` keeps the fraction.
[[nodiscard]] std::uint32_t cubic_step(Epoch& epoch, const CubicInput& input, std::uint32_t w_max, std::uint32_t& rest);

// RFC 9438 4.7, fast convergence: a flow that has lost before it was back at its last W_max leaves room to others.
[[nodiscard]] std::uint32_t cubic_w_max(std::uint32_t window, std::uint32_t w_max);

// The largest r with r^3 <= value.
[[nodiscard]] std::uint32_t cube_root(std::uint64_t value);

}  // namespace levee::tcp
