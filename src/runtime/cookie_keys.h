// When SYN cookies change their key (shard/syn_cookie.h). Time is cut into epochs of UTC, one key each:
//
//   epoch = floor(UTC / rotate), key = SipHash-2-4 of (epoch, index) under the master key, index 0 and 1 for 128 bits
//
// Two keys live at a time, told apart by the epoch's parity. Cookies are made with the epoch's own key. The other
// parity means the last epoch's key, and in the last two seconds of an epoch the next one's, so that hosts behind one
// address that share a master key accept each other's cookies while their clocks differ by at most two seconds:
//
//   UTC       0               28  30              58  60              88  90
//   epoch     |------- 4 ---------|------- 5 ---------|------- 6 ---------|
//   parity 0  | key 4                             | key 6
//   parity 1  | key 3         | key 5                             | key 7
//
// Hence a cookie lives for 28 to 58 s with epochs of 30 s. Pure functions; UTC is time since 1970, leap seconds left
// out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/siphash.h"
#include "levee/time.h"
#include "shard/message.h"

namespace levee::runtime {

// From getrandom, from a seed or from a key file: who knows it can forge cookies.
using MasterKey = SipKey;

[[nodiscard]] SipKey cookie_key(const MasterKey& master, std::uint64_t epoch);

// The flow hash's key (shard/flow_key.h) of hosts that share a master key, as timestamp offsets (RFC 7323 5.4) must
// agree. It stays for a process's life: tables and connections count with it.
[[nodiscard]] SipKey flow_key(const MasterKey& master);

// How long before its epoch a key is accepted: 2 s, or a fifteenth of epochs that are shorter than 30 s.
[[nodiscard]] Duration key_lead(Duration rotate);

// The two keys that live at `utc`. REQUIRES: rotate > 0, utc >= 0; as below.
[[nodiscard]] shard::KeyEpoch keys_at(const MasterKey& master, Duration rotate, Duration utc);

// The first instant after `utc` at which keys_at gives something else.
[[nodiscard]] Duration next_change(Duration rotate, Duration utc);

// What the shards have to be told, and when. One thread.
class KeySchedule {
 public:
  KeySchedule(const MasterKey& master, Duration rotate) : master_(master), rotate_(rotate) {}

  // The keys to announce if those that the last call returned do not hold at `utc`, also where UTC was set back.
  [[nodiscard]] std::optional<shard::KeyEpoch> due(Duration utc);

  // Another master key for the epochs whose keys have not been announced: cookies that are on their way stay good, and
  // hosts that are told within the same epoch change together.
  void change_master(const MasterKey& master) { master_ = master; }

 private:
  struct Announced {
    std::uint64_t epoch = 0;
    SipKey key{};
  };
  [[nodiscard]] SipKey key_of(std::uint64_t epoch);

  MasterKey master_;
  Duration rotate_;
  Duration from_{}, until_{};                            // the last answer of `due` holds in between
  std::array<std::optional<Announced>, 2> announced_{};  // by parity
};

}  // namespace levee::runtime
