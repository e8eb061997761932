// TCP options: Linux's layouts byte by byte, round trips of every combination, and an obvious second parser against
// which lengths, orders and truncations are compared exhaustively.
#include "wire/tcp_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.h"

namespace levee::wire {
namespace {

using Octets = std::vector<int>;

// Parses from a heap block of exactly that size, so that a sanitizer sees any read past the end.
SegmentOptions parsed(const Octets& octets) {
  const auto exact = std::make_unique<std::byte[]>(octets.size());
  std::transform(octets.begin(), octets.end(), exact.get(), [](int octet) { return static_cast<std::byte>(octet); });
  SegmentOptions found;
  found.mss = 9;  // what a previous segment left must go
  found.has_mss = found.sack_permitted = true;
  parse({exact.get(), octets.size()}, found);
  return found;
}

Octets written(const SegmentOptions& options) {
  std::array<std::byte, kMaxOptionBytes> bytes{};
  const std::size_t length = write(options, bytes);
  EXPECT_EQ(length, written_length(options));
  EXPECT_EQ(length % 4, 0U);
  EXPECT_LE(length, kMaxOptionBytes);
  Octets octets;
  for (std::size_t i = 0; i < length; ++i) octets.push_back(std::to_integer<int>(bytes[i]));
  return octets;
}

SegmentOptions everything() {
  return {.has_mss = true,
          .has_window_scale = true,
          .sack_permitted = true,
          .has_timestamps = true,
          .window_scale = 7,
          .mss = 1460,
          .ts_value = 0x01020304,
          .ts_echo = 0x05060708};
}

TEST(TcpOptions, SynIsLaidOutAsLinuxDoes) {
  SegmentOptions options = everything();
  EXPECT_EQ(written(options), (Octets{2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7}));
  options.has_timestamps = false;
  EXPECT_EQ(written(options), (Octets{2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7}));
  options.sack_permitted = false;
  EXPECT_EQ(written(options), (Octets{2, 4, 0x05, 0xb4, 1, 3, 3, 7}));
  options.has_window_scale = false;
  EXPECT_EQ(written(options), (Octets{2, 4, 0x05, 0xb4}));
  options.has_timestamps = true;
  EXPECT_EQ(written(options), (Octets{2, 4, 0x05, 0xb4, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(TcpOptions, DataAndAcksAreLaidOutAsLinuxDoes) {
  SegmentOptions options{.has_timestamps = true, .ts_value = 0x01020304, .ts_echo = 0x05060708};
  EXPECT_EQ(written(SegmentOptions{}), Octets{});
  EXPECT_EQ(written(options), (Octets{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}));
  options.sack_count = 1;
  options.sack[0] = {0x11121314, 0x21222324};
  EXPECT_EQ(written(options),
            (Octets{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 10, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24}));
}

TEST(TcpOptions, AsManySackBlocksAsFitAreWritten) {
  SegmentOptions options;
  options.sack_count = 4;
  options.sack = {{{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
  EXPECT_EQ(written(options).size(), 36U);
  EXPECT_EQ(parsed(written(options)), options);
  options.has_timestamps = true;
  EXPECT_EQ(written(options).size(), 40U);
  const SegmentOptions found = parsed(written(options));
  EXPECT_EQ(found.sack_count, 3);
  EXPECT_EQ(found.sack[2], (SackBlock{5, 6}));
  EXPECT_EQ(found.sack[3], SackBlock{});
}

TEST(TcpOptions, EveryCombinationRoundTrips) {
  Random random(1);
  for (unsigned bits = 0; bits < 16; ++bits) {
    for (std::uint8_t sacks = 0; sacks <= 4; ++sacks) {
      SegmentOptions options;
      if ((bits & 1) != 0) {
        options.has_mss = true;
        options.mss = static_cast<std::uint16_t>(random.next());
      }
      if ((bits & 2) != 0) {
        options.has_window_scale = true;
        options.window_scale = static_cast<std::uint8_t>(random.below(15));
      }
      options.sack_permitted = (bits & 4) != 0;
      if ((bits & 8) != 0) {
        options.has_timestamps = true;
        options.ts_value = static_cast<std::uint32_t>(random.next());
        options.ts_echo = static_cast<std::uint32_t>(random.next());
      }
      const std::size_t room = (kMaxOptionBytes - written_length(options) - 4) / 8;
      options.sack_count = std::min(sacks, static_cast<std::uint8_t>(room));
      for (std::size_t i = 0; i < options.sack_count; ++i) {
        options.sack[i] = {static_cast<std::uint32_t>(random.next()), static_cast<std::uint32_t>(random.next())};
      }
      SegmentOptions asked = options;
      asked.sack_count = sacks;
      EXPECT_EQ(parsed(written(asked)), options) << bits << " " << int{sacks};
    }
  }
}

TEST(TcpOptions, AnEmptyListSaysNothing) { EXPECT_EQ(parsed({}), SegmentOptions{}); }

TEST(TcpOptions, TheUsualTimestampLayoutIsReadBothWays) {
  const SegmentOptions expected{.has_timestamps = true, .ts_value = 0x01020304, .ts_echo = 0x05060708};
  EXPECT_EQ(parsed({1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}), expected);
  EXPECT_EQ(parsed({8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1}), expected);
  EXPECT_EQ(parsed({1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0}), expected);
}

// RFC 7323 2.3: a shift count above 14 is used as 14.
TEST(TcpOptions, AWindowScaleAbove14ReadsAs14) {
  EXPECT_EQ(parsed({3, 3, 14}).window_scale, 14);
  EXPECT_EQ(parsed({3, 3, 15}).window_scale, 14);
  EXPECT_EQ(parsed({3, 3, 255}).window_scale, 14);
  EXPECT_EQ(written({.has_window_scale = true, .window_scale = 200}), (Octets{1, 3, 3, 14}));
}

// RFC 9293 3.1, MUST-69: nothing stands behind an end of the list, because none is written. MUST-68: each other option
// has its length.
TEST(TcpOptions, NoEndOfListIsWritten) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    SegmentOptions options;
    options.has_mss = (bits & 1) != 0;
    options.has_window_scale = (bits & 2) != 0;
    options.sack_permitted = (bits & 4) != 0;
    options.has_timestamps = (bits & 8) != 0;
    options.sack_count = (bits & 16) != 0 ? 1 : 0;
    const Octets octets = written(options);
    std::size_t at = 0;
    while (at < octets.size()) {
      ASSERT_NE(octets[at], 0) << bits;
      if (octets[at] == 1) {
        ++at;
        continue;
      }
      ASSERT_LT(at + 1, octets.size()) << bits;
      ASSERT_GE(octets[at + 1], 2) << bits;
      at += static_cast<std::size_t>(octets[at + 1]);
    }
    EXPECT_EQ(at, octets.size()) << bits;
  }
}

// RFC 9293 3.2, MUST-64: at any alignment. MUST-4: behind NOPs and before the end of the list.
TEST(TcpOptions, MayStartAnywhere) {
  for (std::size_t nops = 0; nops < 4; ++nops) {
    Octets octets(nops, 1);
    octets.insert(octets.end(), {2, 4, 5, 0xb4, 0, 4, 2});
    const SegmentOptions found = parsed(octets);
    EXPECT_EQ(found.mss, 1460) << nops;
    EXPECT_FALSE(found.sack_permitted) << nops;
  }
}

TEST(TcpOptions, EndOfListHidesWhatFollows) { EXPECT_EQ(parsed({0, 2, 4, 5, 0xb4}), SegmentOptions{}); }

// RFC 9293 MUST-6, MUST-68: any option is skipped by its length, known or not.
TEST(TcpOptions, UnknownOptionsAreSkipped) {
  EXPECT_EQ(parsed({253, 6, 9, 9, 9, 9, 2, 4, 5, 0xb4}).mss, 1460);
  EXPECT_EQ(parsed({30, 2, 2, 4, 5, 0xb4}).mss, 1460);
}

// RFC 9293 MUST-7: an illegal length does no harm; what was read before it counts.
TEST(TcpOptions, AnImpossibleLengthEndsTheList) {
  for (const int length : {0, 1, 5, 255}) {
    const SegmentOptions found = parsed({2, 4, 5, 0xb4, 253, length, 4, 2});
    EXPECT_EQ(found.mss, 1460) << length;
    EXPECT_FALSE(found.sack_permitted) << length;
  }
  EXPECT_FALSE(parsed({2}).has_mss);
}

TEST(TcpOptions, OfARepeatedOptionTheLastCounts) { EXPECT_EQ(parsed({2, 4, 0, 1, 2, 4, 0, 2}).mss, 2); }

// A parser that is as obvious as can be: collects the options first, then interprets whole ones.
SegmentOptions slowly_parsed(const Octets& octets) {
  std::vector<Octets> list;
  for (std::size_t i = 0; i < octets.size() && octets[i] != 0;) {
    const std::size_t length = octets[i] == 1 ? 1 : i + 1 < octets.size() ? static_cast<std::size_t>(octets[i + 1]) : 0;
    if (octets[i] != 1 && (length < 2 || i + length > octets.size())) break;
    list.emplace_back(octets.begin() + static_cast<std::ptrdiff_t>(i),
                      octets.begin() + static_cast<std::ptrdiff_t>(i + length));
    i += length;
  }
  SegmentOptions found;
  for (const Octets& o : list) {
    const auto u32 = [&](std::size_t i) {
      return static_cast<std::uint32_t>(o[i]) << 24 |
             static_cast<std::uint32_t>(o[i + 1] << 16 | o[i + 2] << 8 | o[i + 3]);
    };
    if (o[0] == 2 && o.size() == 4) {
      found.has_mss = true;
      found.mss = static_cast<std::uint16_t>(o[2] << 8 | o[3]);
    }
    if (o[0] == 3 && o.size() == 3) {
      found.has_window_scale = true;
      found.window_scale = static_cast<std::uint8_t>(o[2] > 14 ? 14 : o[2]);
    }
    if (o[0] == 4 && o.size() == 2) found.sack_permitted = true;
    if (o[0] == 5 && (o.size() == 10 || o.size() == 18 || o.size() == 26 || o.size() == 34)) {
      found.sack_count = static_cast<std::uint8_t>(o.size() / 8);
      for (std::size_t i = 0; i < found.sack_count; ++i) found.sack[i] = {u32(2 + 8 * i), u32(6 + 8 * i)};
    }
    if (o[0] == 8 && o.size() == 10) {
      found.has_timestamps = true;
      found.ts_value = u32(2);
      found.ts_echo = u32(6);
    }
  }
  return found;
}

void expect_same(const Octets& octets) {
  ASSERT_EQ(parsed(octets), slowly_parsed(octets)) << testing::PrintToString(octets);
}

TEST(TcpOptionsOracle, EveryKindAndLengthAtEveryTruncation) {
  for (int kind = 0; kind < 256; ++kind) {
    for (int length = 0; length < 48; ++length) {
      Octets octets(40);
      for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<int>(i % 7 + 1);
      octets[0] = kind;
      octets[1] = length;
      const bool known = kind <= 5 || kind == 8;
      for (std::size_t keep = known ? 0 : 36; keep <= octets.size(); ++keep) {
        ASSERT_NO_FATAL_FAILURE(
            expect_same(Octets(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(keep))));
      }
    }
  }
}

TEST(TcpOptionsOracle, EveryTripleOfOptions) {
  std::vector<Octets> options;
  for (const int kind : {0, 1, 2, 3, 4, 5, 8, 77}) {
    for (const int length : {0, 2, 3, 4, 9, 10, 11, 18, 40}) {
      Octets option{kind, length};
      for (int i = 2; i < std::min(length, 18); ++i) option.push_back(kind * 16 + i);
      options.push_back(option);
    }
  }
  for (const Octets& a : options) {
    for (const Octets& b : options) {
      for (const Octets& c : options) {
        Octets octets = a;
        octets.insert(octets.end(), b.begin(), b.end());
        octets.insert(octets.end(), c.begin(), c.end());
        octets.resize(std::min(octets.size(), kMaxOptionBytes));
        ASSERT_NO_FATAL_FAILURE(expect_same(octets));
      }
    }
  }
}

TEST(TcpOptionsOracle, RandomBytesAndEveryTruncationOfASyn) {
  Random random(2);
  for (int round = 0; round < 100'000; ++round) {
    Octets octets(random.below(41));
    for (int& octet : octets) octet = static_cast<int>(random.below(random.chance(0.8) ? 12 : 256));
    ASSERT_NO_FATAL_FAILURE(expect_same(octets));
  }
  Octets syn = written(everything());
  for (; !syn.empty(); syn.pop_back()) ASSERT_NO_FATAL_FAILURE(expect_same(syn));
}

}  // namespace
}  // namespace levee::wire
