// The bounded cursor over neighbour discovery's options.
#include "wire/ndp.h"

namespace levee::wire {

std::optional<NdpOptions> parse_ndp_options(std::span<const std::byte> bytes) {
  NdpOptions found;
  for (std::size_t count = 0; !bytes.empty(); ++count) {
    if (count == kMaxNdpOptions || bytes.size() < 2) return std::nullopt;
    const std::size_t length = 8 * std::to_integer<std::size_t>(bytes[1]);
    if (length == 0 || length > bytes.size()) return std::nullopt;
    const auto* option = view<LinkLayerOption>(bytes);
    if (length == sizeof(LinkLayerOption)) {
      if (option->type == kSourceLinkLayerAddress && !found.source) found.source = option->mac;
      if (option->type == kTargetLinkLayerAddress && !found.target) found.target = option->mac;
    }
    bytes = bytes.subspan(length);
  }
  return found;
}

}  // namespace levee::wire
