// What a SYN offers: read by words, as systems in use lay their options out, and by the bounded parser.
#include "base/check.h"
#include "fuzz/target.h"
#include "wire/syn_offer.h"

namespace levee::fuzz {

FUZZ_TARGET(syn_offer, input) {
  const std::vector<std::byte> bytes = copy_of(input.bytes(wire::kMaxOptionBytes));
  const wire::SynOffer offer = wire::syn_offer(bytes);
  CHECK(offer == wire::parse_syn_offer(bytes));
  CHECK(offer.window_scale <= wire::kMaxWindowScale || offer.window_scale == wire::SynOffer::kNoScale);
  CHECK(((offer.options & wire::SynOffer::kWindowScale) != 0) == (offer.window_scale != wire::SynOffer::kNoScale));
  CHECK((offer.options & wire::SynOffer::kTimestamps) != 0 || offer.ts_value == 0);
  CHECK((offer.options & wire::SynOffer::kMss) != 0 || offer.mss == 0);
}

}  // namespace levee::fuzz
