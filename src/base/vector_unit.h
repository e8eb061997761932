// The vector registers of the machine, found at run time: code for them is compiled into functions of its own, and the
// scalar code stays. (Flags for the whole program, or for one file, would let the linker keep an inline function that
// was compiled for wider vectors than the machine has.)
#pragma once

#include <cstdint>
#include <string_view>

namespace levee {

enum class VectorUnit : std::uint8_t { None, Sse42, Avx2, Avx512 };

[[nodiscard]] std::string_view name(VectorUnit unit);
[[nodiscard]] bool machine_has(VectorUnit unit);
// The widest that the machine has, of at most `bits` bits: 512, 256, 128, or less for none.
[[nodiscard]] VectorUnit widest_vector_unit(std::uint32_t bits);

// For functions that inline a kernel written once.
#if defined(__x86_64__)
#define LEVEE_HAS_VECTOR_UNITS 1
#define LEVEE_SSE42 [[gnu::target("sse4.2")]]
#define LEVEE_AVX2 [[gnu::target("avx2")]]
#define LEVEE_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]]
#else
#define LEVEE_HAS_VECTOR_UNITS 0
#endif

}  // namespace levee
