// Allocation with huge pages: the one place that knows how the kernel is asked for them.
#include "base/huge_array.h"

#include <sys/mman.h>

#include <cstdlib>

namespace levee {

HugeMemory::HugeMemory(std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  data_ = std::aligned_alloc(alignment, rounded);
  CHECK(data_ != nullptr);
  // Only a wish: where the kernel has no transparent huge pages, small ones do.
  if (alignment == kHugePage) static_cast<void>(::madvise(data_, rounded, MADV_HUGEPAGE));
}

HugeMemory::~HugeMemory() { std::free(data_); }

}  // namespace levee
