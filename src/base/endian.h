// Big-endian integers for overlay structs: alignment 1, explicit both ways, so that a value in network byte order is
// never mistaken for a number. A load or store compiles to a move and a byte swap.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace levee {

template <std::unsigned_integral T>
[[nodiscard]] constexpr T swap_if_little_endian(T value) {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    static_assert(sizeof(T) == 8);
    return __builtin_bswap64(value);
  }
}

template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(T value) { *this = value; }
  constexpr BigEndian& operator=(T value) {
    bytes_ = std::bit_cast<Bytes>(swap_if_little_endian(value));
    return *this;
  }

  [[nodiscard]] constexpr T value() const { return swap_if_little_endian(std::bit_cast<T>(bytes_)); }
  friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;

 private:
  using Bytes = std::array<std::byte, sizeof(T)>;
  Bytes bytes_{};
};

using be16 = BigEndian<std::uint16_t>;
using be32 = BigEndian<std::uint32_t>;
using be64 = BigEndian<std::uint64_t>;

template <std::unsigned_integral T>
[[nodiscard]] inline T load_be(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return swap_if_little_endian(value);
}
template <std::unsigned_integral T>
inline void store_be(std::byte* to, T value) {
  value = swap_if_little_endian(value);
  std::memcpy(to, &value, sizeof(value));
}

[[nodiscard]] inline std::uint16_t load_be16(const std::byte* from) { return load_be<std::uint16_t>(from); }
[[nodiscard]] inline std::uint32_t load_be32(const std::byte* from) { return load_be<std::uint32_t>(from); }
[[nodiscard]] inline std::uint64_t load_be64(const std::byte* from) { return load_be<std::uint64_t>(from); }
inline void store_be16(std::byte* to, std::uint16_t value) { store_be(to, value); }
inline void store_be32(std::byte* to, std::uint32_t value) { store_be(to, value); }
inline void store_be64(std::byte* to, std::uint64_t value) { store_be(to, value); }

}  // namespace levee
