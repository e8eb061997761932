// Where every failed CHECK and DCHECK ends.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace levee {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "levee: a bug, please report it: %s:%d: %s does not hold\n", file, line, expression);
  std::abort();
}

}  // namespace levee
