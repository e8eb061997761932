// Where the shards' secrets come from: the kernel's random source, or a seed for runs that can be repeated. A key file
// may replace the master key of cookies (key_file.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "levee/address.h"
#include "runtime/cookie_keys.h"
#include "shard/shard.h"

namespace levee::runtime {

struct ProcessSecrets {
  std::vector<shard::Secrets> shards;  // keys that all shards must share are equal in all of them
  MasterKey cookie_master{};           // the shards' cookie_keys follow from it and UTC (cookie_keys.h)
  MacAddress mac;                      // locally administered, for links whose device has none of our own
};

// Throws StartupError if the kernel gives no randomness.
[[nodiscard]] ProcessSecrets make_secrets(std::optional<std::uint64_t> seed, std::size_t shards);

// Replaces what hosts behind one address must share, to open each other's cookies, by what follows from their master
// key.
void share_secrets(ProcessSecrets& secrets, const MasterKey& master);

}  // namespace levee::runtime
