// Views: a header struct laid over received or outgoing bytes. A struct that can be viewed has alignment 1 and no
// invariants, so any bytes are a valid one; whether they make sense is for the caller to check.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace levee::wire {

template <class H>
concept Viewable = alignof(H) == 1 && std::is_trivially_copyable_v<H>&& std::is_standard_layout_v<H>;

// The header at the front of `bytes`; nullptr when they are too few.
template <Viewable H>
[[nodiscard]] inline const H* view(std::span<const std::byte> bytes) {
  return bytes.size() < sizeof(H) ? nullptr : reinterpret_cast<const H*>(bytes.data());
}
template <Viewable H>
[[nodiscard]] inline H* view(std::span<std::byte> bytes) {
  return bytes.size() < sizeof(H) ? nullptr : reinterpret_cast<H*>(bytes.data());
}

}  // namespace levee::wire
