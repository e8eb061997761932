// SipHash of many short inputs at once, several to a vector register: what a burst of frames needs. Which vectors is
// decided at run time by what the machine has; every choice gives the same hashes as siphash.h, bit for bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/vector_unit.h"

namespace levee {

// Inputs word by word, as SipHash absorbs them: word j of input i is words[j][i], and the last word has the input's
// length in its top byte. Each input has a key of its own. Arrays are whole vectors long: the inputs behind the last
// one are hashed along with it, whatever they hold.
template <std::size_t kWords>
struct SipLanes {
  static constexpr std::size_t kMost = 64;  // inputs
  alignas(64) std::array<std::array<std::uint64_t, kMost>, kWords> words{};
  alignas(64) std::array<std::uint64_t, kMost> key0{}, key1{};
  alignas(64) std::array<std::uint64_t, kMost> hashes{};
};

class SipHasher {
 public:
  explicit SipHasher(VectorUnit unit);  // REQUIRES: machine_has(unit)

  // SipHash-1-3 of two or five words, SipHash-2-4 of two, three, five or six: the first `count` hashes are right
  // afterwards.
  void hash_1_3(SipLanes<2>& lanes, std::size_t count) const { functions_.hash_1_3_of_2(lanes, count); }
  void hash_1_3(SipLanes<5>& lanes, std::size_t count) const { functions_.hash_1_3_of_5(lanes, count); }
  void hash_2_4(SipLanes<2>& lanes, std::size_t count) const { functions_.hash_2_4_of_2(lanes, count); }
  void hash_2_4(SipLanes<3>& lanes, std::size_t count) const { functions_.hash_2_4_of_3(lanes, count); }
  void hash_2_4(SipLanes<5>& lanes, std::size_t count) const { functions_.hash_2_4_of_5(lanes, count); }
  void hash_2_4(SipLanes<6>& lanes, std::size_t count) const { functions_.hash_2_4_of_6(lanes, count); }

  struct Functions {
    void (*hash_1_3_of_2)(SipLanes<2>&, std::size_t);
    void (*hash_1_3_of_5)(SipLanes<5>&, std::size_t);
    void (*hash_2_4_of_2)(SipLanes<2>&, std::size_t);
    void (*hash_2_4_of_3)(SipLanes<3>&, std::size_t);
    void (*hash_2_4_of_5)(SipLanes<5>&, std::size_t);
    void (*hash_2_4_of_6)(SipLanes<6>&, std::size_t);
  };

 private:
  Functions functions_;
};

}  // namespace levee
