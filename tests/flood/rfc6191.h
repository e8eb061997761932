// Which of RFC 6191's cases a client's next SYN will be to the server's TIME-WAIT entry, told from what the client
// knows of its own last incarnation. An oracle: it shares nothing with src/tcp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "peer/client.h"

namespace levee::flood {

enum class Case : std::uint8_t {
  NewerTimestamp,  // both have timestamps
  SameTimestampNewerNumber,
  SameTimestampOlderNumber,  // must be dropped; the repetition has a newer timestamp
  TimestampsAppear,          // only the new incarnation has them
  TimestampsDisappear,       // only the old one had, and the number is newer
  NoneNewerNumber,           // neither has
  NoneOlderNumber,  // no timestamp in the SYN, and the number is not newer: must be dropped, whatever the old had
  kCount,
};
inline constexpr std::size_t kCases = static_cast<std::size_t>(Case::kCount);
inline constexpr std::array<const char*, kCases> kCaseNames = {"newer timestamp",
                                                               "same timestamp and newer number",
                                                               "same timestamp and older number (dropped)",
                                                               "timestamps appear",
                                                               "timestamps disappear, newer number",
                                                               "none, newer number",
                                                               "none, older number (dropped)"};

// What an incarnation leaves behind at its client.
struct Past {
  bool timestamps = false;
  std::uint32_t last_timestamp = 0, end = 0;  // TSval of its FIN; the number behind the FIN
};

[[nodiscard]] inline Past past_of(const peer::Client& over) {
  return {.timestamps = over.timestamps, .last_timestamp = over.last_timestamp, .end = over.end()};
}

[[nodiscard]] inline Case case_of(const Past& past, const peer::Client& opening) {
  const bool newer_number = static_cast<std::int32_t>(opening.iss - past.end) >= 0;
  if (!opening.plan.timestamps) {
    if (!newer_number) return Case::NoneOlderNumber;
    return past.timestamps ? Case::TimestampsDisappear : Case::NoneNewerNumber;
  }
  if (!past.timestamps) return Case::TimestampsAppear;
  if (opening.first_timestamp != past.last_timestamp) return Case::NewerTimestamp;
  return newer_number ? Case::SameTimestampNewerNumber : Case::SameTimestampOlderNumber;
}

[[nodiscard]] inline bool may_reopen(Case which) {
  return which != Case::SameTimestampOlderNumber && which != Case::NoneOlderNumber;
}

}  // namespace levee::flood
