// The cells of the grid: 64 flag sets x 5 positions of SEG.SEQ x 5 of SEG.ACK x 3 payloads, in each state.
#pragma once

#include <cstdint>
#include <string>

#include "model/model.h"

namespace levee::model {

enum class SeqAt : std::uint8_t { Below, Next, Inside, Edge, Beyond };
enum class AckAt : std::uint8_t { Below, Una, Inside, Next, Beyond };
enum class Payload : std::uint8_t { None, Short, Large };

inline constexpr std::uint32_t kFlagSets = 64, kSeqs = 5, kAcks = 5, kPayloads = 3;
inline constexpr std::uint32_t kCells = kFlagSets * kSeqs * kAcks * kPayloads;

struct Cell {
  std::uint8_t flags = 0;
  SeqAt seq = SeqAt::Next;
  AckAt ack = AckAt::Next;
  Payload payload = Payload::None;
};

[[nodiscard]] Cell cell(std::uint32_t number);  // 0 to kCells - 1
// `tcb` says where the windows are.
[[nodiscard]] Segment segment_of(const Cell& cell, const Variables& tcb);
[[nodiscard]] std::string describe(const Cell& cell);

}  // namespace levee::model
