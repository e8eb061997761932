// Hands a shard's ready connections to their services, in the order that levee/service.h promises.
#pragma once

#include <memory>
#include <span>

#include "levee/service.h"
#include "shard/shard.h"

namespace levee::runtime {

// Empties the shard's ready list as it stands, calling `services[ready.service]`. Bounded: a connection that becomes
// ready again meanwhile waits for the next call. Returns how many connections were served.
std::size_t dispatch(shard::Shard& shard, std::span<const std::unique_ptr<Service>> services);

}  // namespace levee::runtime
