// The names of include/levee/state.h, as people and scripts read them.
#include "levee/state.h"

#include <array>

namespace levee {
namespace {

constexpr std::array<std::string_view, kStateCount> kStateNames{
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
};
static_assert(static_cast<std::size_t>(State::TimeWait) + 1 == kStateNames.size() && !kStateNames.back().empty());

constexpr std::array<std::string_view, kCloseCauseCount> kCloseCauseNames{
    "normal", "reset", "aborted", "timed_out", "refused", "no_resource",
};
static_assert(static_cast<std::size_t>(CloseCause::NoResource) + 1 == kCloseCauseNames.size() &&
              !kCloseCauseNames.back().empty());

constexpr std::array<std::string_view, static_cast<std::size_t>(ErrorReport::ParameterProblem) + 1> kReportNames{
    "retransmitting",   "network_unreachable", "host_unreachable", "protocol_unreachable",
    "port_unreachable", "prohibited",          "time_exceeded",    "parameter_problem",
};
static_assert(!kReportNames.back().empty());

}  // namespace

std::string_view name(State state) { return kStateNames[static_cast<std::size_t>(state)]; }
std::string_view name(CloseCause cause) { return kCloseCauseNames[static_cast<std::size_t>(cause)]; }
std::string_view name(ErrorReport report) { return kReportNames[static_cast<std::size_t>(report)]; }

}  // namespace levee
