// A fuzz target: a function over any bytes, which aborts when something that must hold does not.
//
//   FUZZ_TARGET(options, input) { ... }     in options_fuzz.cc, with "options" in meson.build's list
//
// With libFuzzer (meson's option `fuzz`) each target is a program of its own; in every other build all of them are in
// `replay`, which runs the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace levee::fuzz {

// The input, read from its front; never twice among a call's arguments, whose order is the compiler's. Beyond its end
// there are zeros, so that every input is a whole one.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

  std::uint8_t u8() {
    if (bytes_.empty()) return 0;
    const auto value = std::to_integer<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::uint16_t u16() {
    const std::uint8_t high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::uint64_t u64() {
    const std::uint64_t high = u32();
    return high << 32 | u32();
  }
  // 0 to `n` - 1, of which small ones are all reached; n is at most 65,536.
  std::uint32_t below(std::uint32_t n) { return (n <= 256 ? u8() : u16()) % n; }
  bool flag() { return (u8() & 1) != 0; }

  // At most `length` bytes: fewer at the end.
  std::span<const std::byte> bytes(std::size_t length) {
    const auto taken = bytes_.first(length < bytes_.size() ? length : bytes_.size());
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::span<const std::byte> rest() { return bytes(bytes_.size()); }
  std::string_view text(std::size_t length) {
    const auto taken = bytes(length);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  std::span<const std::byte> bytes_;
};

// A copy that ends where a sanitizer sees it.
[[nodiscard]] inline std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  copy.shrink_to_fit();
  return copy;
}

// What was found, in words.
[[noreturn]] inline void finding(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

using Run = void (*)(Input);

struct Target {
  std::string_view name;
  Run run;
};
// All targets of `replay`.
[[nodiscard]] inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}
struct Registration {
  Registration(std::string_view name, Run run) { targets().push_back({name, run}); }
};

}  // namespace levee::fuzz

#ifdef LEVEE_LIBFUZZER
#define FUZZ_TARGET(target_name, input)                                                      \
  static void run_##target_name(levee::fuzz::Input input);                                   \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {        \
    run_##target_name(levee::fuzz::Input({reinterpret_cast<const std::byte*>(data), size})); \
    return 0;                                                                                \
  }                                                                                          \
  static void run_##target_name(levee::fuzz::Input input)
#else
#define FUZZ_TARGET(target_name, input)                                                             \
  static void run_##target_name(levee::fuzz::Input input);                                          \
  static const levee::fuzz::Registration registered_##target_name(#target_name, run_##target_name); \
  static void run_##target_name(levee::fuzz::Input input)
#endif
