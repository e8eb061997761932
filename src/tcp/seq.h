// A point in TCP's sequence space (RFC 9293 3.4): 32 bits, compared modulo 2^32. A distance between two points is a
// plain number of bytes. There is no sort order: `a < b` means "b is less than 2^31 ahead of a".
#pragma once

#include <cstdint>

namespace levee::tcp {

class Seq {
 public:
  constexpr Seq() = default;
  constexpr explicit Seq(std::uint32_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint32_t value() const { return value_; }

  friend constexpr Seq operator+(Seq point, std::uint32_t bytes) { return Seq(point.value_ + bytes); }
  friend constexpr Seq operator-(Seq point, std::uint32_t bytes) { return Seq(point.value_ - bytes); }
  constexpr Seq& operator+=(std::uint32_t bytes) {
    value_ += bytes;
    return *this;
  }
  // Bytes from `from` forward to `to`; the caller knows that `to` is not behind.
  friend constexpr std::uint32_t operator-(Seq to, Seq from) { return to.value_ - from.value_; }

  friend constexpr bool operator==(Seq, Seq) = default;
  friend constexpr bool operator<(Seq a, Seq b) { return static_cast<std::int32_t>(a.value_ - b.value_) < 0; }
  friend constexpr bool operator>(Seq a, Seq b) { return b < a; }
  friend constexpr bool operator<=(Seq a, Seq b) { return !(b < a); }
  friend constexpr bool operator>=(Seq a, Seq b) { return !(a < b); }

 private:
  std::uint32_t value_ = 0;
};

[[nodiscard]] constexpr Seq later(Seq a, Seq b) { return a < b ? b : a; }
[[nodiscard]] constexpr Seq earlier(Seq a, Seq b) { return a < b ? a : b; }

// RFC 7323 timestamps are compared like sequence numbers.
[[nodiscard]] constexpr bool timestamp_before(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace levee::tcp
