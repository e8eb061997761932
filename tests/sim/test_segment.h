// The words in which a test speaks of segments. A TestSegment names only the fields that matter: when it is sent, the
// rest follows from the conversation; when it is expected, the rest may be anything. Numbers are relative to the
// initial sequence number of the side that they belong to: the SYN is 0, the first byte is 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/packet.h"

namespace levee::sim {

class TestSegment {
 public:
  explicit TestSegment(std::uint8_t with_flags) : flags(with_flags) {}

  TestSegment& seq(std::uint32_t relative) { return set(sequence, relative); }
  TestSegment& ack(std::uint32_t relative) { return set(acknowledgment, relative); }
  TestSegment& win(std::uint16_t field) { return set(window, field); }  // as on the wire, unscaled
  TestSegment& data(std::string_view bytes) { return set(payload, std::string(bytes)); }
  TestSegment& length(std::size_t bytes) { return set(payload_length, bytes); }  // expected only
  TestSegment& mss(std::uint16_t value) { return set(max_segment_size, value); }
  TestSegment& scale(std::uint8_t shift) { return set(window_scale, shift); }
  TestSegment& sack_permitted() { return set(permits_sack, true); }
  TestSegment& ts(std::uint32_t value, std::uint32_t echo) { return set(timestamps, Timestamps{value, echo}); }
  TestSegment& ts_echo(std::uint32_t echo) { return set(timestamp_echo, echo); }  // expected only
  TestSegment& sack(std::uint32_t left, std::uint32_t right) {
    sack_ranges.push_back({left, right});
    return *this;
  }
  // Sent: without options that the conversation would add. Expected: none of that kind is there.
  TestSegment& no_ts() { return set(without_timestamps, true); }
  TestSegment& no_sack() { return set(without_sack, true); }
  TestSegment& no_scale() { return set(without_scale, true); }
  TestSegment& psh() {
    flags |= kPsh;
    return set(says_push, true);
  }
  TestSegment& flag(std::uint8_t more) {
    flags |= more;
    return *this;
  }
  // Urgent data ends `pointer` octets behind the segment's first.
  TestSegment& urg(std::uint16_t pointer) {
    flags |= kUrg;
    return set(urgent_pointer, pointer);
  }
  TestSegment& ecn(std::uint8_t codepoint) { return set(congestion, codepoint); }  // RFC 3168 5
  TestSegment& dscp(std::uint8_t value) { return set(services, value); }
  TestSegment& raw_options(Bytes bytes) { return set(option_bytes, std::move(bytes)); }

  std::uint8_t flags;
  std::optional<std::uint32_t> sequence, acknowledgment;
  std::optional<std::uint16_t> window, max_segment_size, urgent_pointer;
  std::optional<std::uint8_t> window_scale, congestion, services;
  std::optional<Timestamps> timestamps;
  std::optional<std::uint32_t> timestamp_echo;
  std::vector<SackRange> sack_ranges;  // relative to the ISN of the side whose data they acknowledge
  std::optional<std::string> payload;
  std::optional<std::size_t> payload_length;
  Bytes option_bytes;
  bool permits_sack = false, without_timestamps = false, without_sack = false, without_scale = false;
  bool says_push = false;

 private:
  template <typename Field, typename Value>
  TestSegment& set(Field& field, Value&& value) {
    field = std::forward<Value>(value);
    return *this;
  }
};

[[nodiscard]] inline TestSegment segment(std::uint8_t flags) { return TestSegment(flags); }
[[nodiscard]] inline TestSegment syn() { return TestSegment(kSyn); }
[[nodiscard]] inline TestSegment syn_ack() { return TestSegment(kSyn | kAck); }
// An ACK without payload.
[[nodiscard]] inline TestSegment ack() { return std::move(TestSegment(kAck).data("")); }
[[nodiscard]] inline TestSegment ack(std::uint32_t relative) { return std::move(ack().ack(relative)); }
// With a std::string say sim::data, or std::data is meant.
[[nodiscard]] inline TestSegment data(std::string_view bytes) { return std::move(TestSegment(kAck).data(bytes)); }
// Expected only: a data segment of this many bytes, whatever they are.
[[nodiscard]] inline TestSegment data_of(std::size_t bytes) { return std::move(TestSegment(kAck).length(bytes)); }
[[nodiscard]] inline TestSegment fin() { return TestSegment(kFin | kAck); }
[[nodiscard]] inline TestSegment rst() { return TestSegment(kRst); }
[[nodiscard]] inline TestSegment rst_ack() { return TestSegment(kRst | kAck); }

}  // namespace levee::sim
