// Checks of our own invariants: a failure is a bug in levee, never something that a packet or a user did.
// CHECK is for cold paths and always on; DCHECK is for hot paths, on in tests, simulator and fuzzers (LEVEE_DCHECK).
#pragma once

namespace levee {
// Prints the expression and where it stands, then aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace levee

#define CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::levee::check_failed(#expression, __FILE__, __LINE__))

#ifdef LEVEE_DCHECK
#define DCHECK(expression) CHECK(expression)
#else
#define DCHECK(expression) (true ? void(0) : void(expression))
#endif
