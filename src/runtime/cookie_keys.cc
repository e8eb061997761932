// The schedule of cookie keys; see cookie_keys.h.
#include "runtime/cookie_keys.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/check.h"

namespace levee::runtime {

namespace {

constexpr Duration kLongestLead = std::chrono::seconds(2);

// 128 bits of the PRF, of indexes `first` and the next.
SipKey derive(const MasterKey& master, std::uint64_t epoch, std::uint64_t first) {
  SipKey key{};
  for (unsigned word = 0; word < key.size(); ++word) {
    const std::uint64_t index = first + word;
    // Byte by byte, so that hosts of either byte order agree.
    std::array<std::byte, 16> input{};
    for (unsigned i = 0; i < 8; ++i) {
      input[i] = static_cast<std::byte>(epoch >> (8 * i));
      input[8 + i] = static_cast<std::byte>(index >> (8 * i));
    }
    key[word] = siphash_2_4(master, input);
  }
  return key;
}

std::uint64_t epoch_of(Duration rotate, Duration utc) {
  CHECK(rotate > Duration::zero() && utc >= Duration::zero());
  return static_cast<std::uint64_t>(utc / rotate);
}

// Whether the next epoch's key is accepted already, instead of the last one's.
bool next_is_near(Duration rotate, Duration utc) { return utc % rotate >= rotate - key_lead(rotate); }

template <typename KeyOf>
shard::KeyEpoch keys_by(Duration rotate, Duration utc, KeyOf key_of) {
  const std::uint64_t epoch = epoch_of(rotate, utc);
  shard::KeyEpoch made;
  made.parity = epoch & 1;
  made.keys[epoch & 1] = key_of(epoch);
  // Before epoch 0 comes 2^64 - 1, which is odd as well.
  made.keys[~epoch & 1] = key_of(next_is_near(rotate, utc) ? epoch + 1 : epoch - 1);
  return made;
}

}  // namespace

SipKey cookie_key(const MasterKey& master, std::uint64_t epoch) { return derive(master, epoch, 0); }

// Indexes that no epoch uses.
SipKey flow_key(const MasterKey& master) { return derive(master, 0, 2); }

Duration key_lead(Duration rotate) { return std::min(kLongestLead, rotate / 15); }

shard::KeyEpoch keys_at(const MasterKey& master, Duration rotate, Duration utc) {
  return keys_by(rotate, utc, [&](std::uint64_t epoch) { return cookie_key(master, epoch); });
}

Duration next_change(Duration rotate, Duration utc) {
  const Duration begin = rotate * static_cast<std::int64_t>(epoch_of(rotate, utc));
  return begin + (next_is_near(rotate, utc) ? rotate : rotate - key_lead(rotate));
}

std::optional<shard::KeyEpoch> KeySchedule::due(Duration utc) {
  if (from_ <= utc && utc < until_) return std::nullopt;
  from_ = utc;
  until_ = next_change(rotate_, utc);
  return keys_by(rotate_, utc, [this](std::uint64_t epoch) { return key_of(epoch); });
}

SipKey KeySchedule::key_of(std::uint64_t epoch) {
  std::optional<Announced>& known = announced_[epoch & 1];
  if (!known || known->epoch != epoch) known = {.epoch = epoch, .key = cookie_key(master_, epoch)};
  return known->key;
}

}  // namespace levee::runtime
