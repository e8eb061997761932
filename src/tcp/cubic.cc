#include "tcp/cubic.h"

#include <algorithm>

namespace levee::tcp {
namespace {

// RFC 9438 5: C = 0.4, in segments per cubed second.
constexpr std::uint64_t kCNumerator = 2, kCDivisor = 5;
constexpr std::uint64_t kLongestMs = 600'000;  // beyond it the function is larger than any window

void begin(Epoch& epoch, const CubicInput& input, std::uint32_t w_max) {
  epoch.active = true;
  epoch.start_ms = input.now_ms;
  epoch.w_est = std::uint64_t{input.cwnd} * 256;
  epoch.plateau = std::max(w_max, input.cwnd);
  // K = cubic root of (W_max - cwnd_epoch) / C, in milliseconds.
  const std::uint64_t below = epoch.plateau - input.cwnd;
  epoch.k_ms = cube_root(below * (kCDivisor * 1'000'000'000 / kCNumerator) / input.mss);
}

// RFC 9438 (1): W_cubic(t) = C (t - K)^3 + W_max, in bytes.
std::uint64_t w_cubic(const Epoch& epoch, std::uint32_t mss, std::uint64_t t_ms) {
  const bool before = t_ms < epoch.k_ms;
  const std::uint64_t distance = std::min(before ? epoch.k_ms - t_ms : t_ms - epoch.k_ms, kLongestMs);
  const std::uint64_t bytes = distance * distance * distance / 1000 * mss * kCNumerator / kCDivisor / 1'000'000;
  if (before) return epoch.plateau - std::min<std::uint64_t>(bytes, epoch.plateau);
  return epoch.plateau + bytes;
}

}  // namespace

std::uint32_t cubic_step(Epoch& epoch, const CubicInput& input, std::uint32_t w_max, std::uint32_t& rest) {
  if (!epoch.active) begin(epoch, input, w_max);
  const std::uint32_t cwnd = input.cwnd;
  const std::uint32_t t_ms = input.now_ms - epoch.start_ms;

  // RFC 9438 4.3: Reno's window, whose alpha is 3 (1 - beta) / (1 + beta) = 9 / 17 until it has made up for CUBIC's
  // smaller reduction, and then 1.
  const std::uint64_t a_window = std::uint64_t{input.delivered} * input.mss * 256;
  epoch.w_est += (epoch.w_est < std::uint64_t{epoch.cwnd_prior} * 256 ? a_window * 9 / 17 : a_window) / cwnd;
  const std::uint64_t w_est = epoch.w_est / 256;
  if (w_cubic(epoch, input.mss, t_ms) < w_est) {
    return w_est > cwnd ? static_cast<std::uint32_t>(std::min<std::uint64_t>(w_est - cwnd, input.delivered)) : 0;
  }
  // 4.4 and 4.5: towards W_cubic one round trip ahead, at most half a window per round trip.
  const std::uint64_t ahead = w_cubic(epoch, input.mss, std::uint64_t{t_ms} + input.srtt_us / 1000);
  const std::uint64_t target = std::clamp<std::uint64_t>(ahead, cwnd, cwnd + cwnd / 2);
  const std::uint64_t total = (target - cwnd) * input.delivered + rest;
  const std::uint64_t step = total / cwnd;
  rest = static_cast<std::uint32_t>(total - step * cwnd);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(step, input.delivered));
}

std::uint32_t cubic_w_max(std::uint32_t window, std::uint32_t w_max) {
  return window < w_max ? share(window, (1024 + kCubicBeta) / 2) : window;
}

std::uint32_t cube_root(std::uint64_t value) {
  std::uint64_t root = 0;
  for (int bit = 21; bit >= 0; --bit) {  // 2^21.33 cubed is 2^64
    const std::uint64_t candidate = root | std::uint64_t{1} << bit;
    if (candidate <= 2'642'245 && candidate * candidate * candidate <= value) root = candidate;
  }
  return static_cast<std::uint32_t>(root);
}

}  // namespace levee::tcp
