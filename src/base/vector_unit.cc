#include "base/vector_unit.h"

#include <array>
#include <cstddef>

namespace levee {

std::string_view name(VectorUnit unit) {
  constexpr std::array<std::string_view, 4> kNames{"scalar", "SSE4.2", "AVX2", "AVX-512"};
  return kNames[static_cast<std::size_t>(unit)];
}

bool machine_has(VectorUnit unit) {
#if LEVEE_HAS_VECTOR_UNITS
  switch (unit) {
    case VectorUnit::None:
      return true;
    case VectorUnit::Sse42:
      return __builtin_cpu_supports("sse4.2") != 0;
    case VectorUnit::Avx2:
      return __builtin_cpu_supports("avx2") != 0;
    case VectorUnit::Avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  }
#endif
  return unit == VectorUnit::None;
}

VectorUnit widest_vector_unit(std::uint32_t bits) {
  if (bits >= 512 && machine_has(VectorUnit::Avx512)) return VectorUnit::Avx512;
  if (bits >= 256 && machine_has(VectorUnit::Avx2)) return VectorUnit::Avx2;
  if (bits >= 128 && machine_has(VectorUnit::Sse42)) return VectorUnit::Sse42;
  return VectorUnit::None;
}

}  // namespace levee
