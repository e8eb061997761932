// Where the shards' secrets come from: the kernel's random source, or a seed for runs that can be repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "levee/address.h"
#include "shard/shard.h"

namespace levee::runtime {

struct ProcessSecrets {
  std::vector<shard::Secrets> shards;  // keys that all shards must share are equal in all of them
  MacAddress mac;                      // locally administered, for links whose device has none of our own
};

// Throws StartupError if the kernel gives no randomness.
[[nodiscard]] ProcessSecrets make_secrets(std::optional<std::uint64_t> seed, std::size_t shards);

}  // namespace levee::runtime
