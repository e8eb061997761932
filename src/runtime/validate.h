// Checks of EndpointOptions before anything is started: ranges, and rules between fields.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "dpdk/vdev.h"
#include "levee/endpoint.h"

namespace levee::runtime {

// Throws StartupError (exit code 2) about the first thing that is wrong, files that are named included. Returns the
// devices, parsed.
std::vector<dpdk::Vdev> validate(const EndpointOptions& options,
                                 const std::function<bool(std::string_view)>& is_service);

// After EAL is up: the links must lie on ports that are there.
void validate_ports(const EndpointOptions& options, std::size_t ports);

}  // namespace levee::runtime
