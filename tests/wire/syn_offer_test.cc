// The known layouts of a SYN's options, compared as words, say what the bounded parser says; and so does everything
// that looks like one of them and is not.
#include "wire/syn_offer.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace levee::wire {
namespace {

using Bytes = std::vector<std::byte>;

struct Values {
  std::uint16_t mss = 0;
  std::uint8_t scale = 0;
  std::uint32_t ts_value = 0, ts_echo = 0;
};

Values random_values(Random& random) {
  Values values;
  values.mss = static_cast<std::uint16_t>(random.chance(0.1) ? 0 : random.next());
  values.scale = static_cast<std::uint8_t>(random.chance(0.3) ? random.next() : random.below(17));
  values.ts_value = static_cast<std::uint32_t>(random.next());
  values.ts_echo = random.chance(0.5) ? 0 : static_cast<std::uint32_t>(random.next());
  return values;
}

class Writer {
 public:
  Writer& octets(std::initializer_list<unsigned> values) {
    for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
    return *this;
  }
  Writer& mss(const Values& v) { return octets({2, 4, v.mss / 256U, v.mss % 256U}); }
  Writer& scale(const Values& v) { return octets({1, 3, 3, v.scale}); }
  Writer& timestamps(const Values& v) {
    octets({8, 10});
    for (const std::uint32_t number : {v.ts_value, v.ts_echo}) {
      octets({number >> 24, number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff});
    }
    return *this;
  }
  Writer& sack() { return octets({4, 2}); }
  Writer& nop() { return octets({1}); }

  Bytes bytes;
};

struct Layout {
  const char* name;
  std::uint8_t options;  // SynOffer's bits
  Bytes (*write)(const Values&);
};

constexpr std::uint8_t kMssScaleSack = SynOffer::kMss | SynOffer::kWindowScale | SynOffer::kSack;
constexpr std::uint8_t kAll = kMssScaleSack | SynOffer::kTimestamps;

const Layout kLayouts[] = {
    {"Linux", kAll, [](const Values& v) { return Writer().mss(v).sack().timestamps(v).scale(v).bytes; }},
    {"Windows", kMssScaleSack, [](const Values& v) { return Writer().mss(v).scale(v).nop().nop().sack().bytes; }},
    {"Apple", kAll,
     [](const Values& v) {
       return Writer().mss(v).scale(v).nop().nop().timestamps(v).sack().octets({0, 0}).bytes;
     }},
    {"MSS", SynOffer::kMss, [](const Values& v) { return Writer().mss(v).bytes; }},
    {"none", 0, [](const Values&) { return Bytes(); }},
};

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte value : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(value) / 16];
    text += "0123456789abcdef"[std::to_integer<unsigned>(value) % 16];
    text += ' ';
  }
  return text;
}

// In a buffer of just that size, so that a sanitizer sees a word read too far.
bool agrees(const Bytes& options) { return syn_offer(options) == parse_syn_offer(options); }

TEST(SynOffer, ReadsTheLayoutsOfCommonSystems) {
  Random random(1);
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    for (int round = 0; round < 1000; ++round) {
      const Values values = random_values(random);
      SynOffer expected;
      expected.options = layout.options;
      if ((layout.options & SynOffer::kMss) != 0) expected.mss = values.mss;
      if ((layout.options & SynOffer::kWindowScale) != 0)
        expected.window_scale = std::min<std::uint8_t>(values.scale, 14);
      if ((layout.options & SynOffer::kTimestamps) != 0) expected.ts_value = values.ts_value;
      const Bytes options = layout.write(values);
      ASSERT_EQ(syn_offer(options), expected) << hex(options);
      ASSERT_EQ(parse_syn_offer(options), expected) << hex(options);
    }
  }
}

// RFC 7323 2.3: a shift count above 14 is used as 14, and never as "no scale". An MSS of 0 is an MSS.
TEST(SynOffer, LimitsTheScaleAndKeepsAnMssOfZero) {
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    for (unsigned scale = 0; scale < 256; ++scale) {
      const Bytes options = layout.write({.scale = static_cast<std::uint8_t>(scale)});
      const SynOffer offer = syn_offer(options);
      ASSERT_EQ(offer.options, layout.options);
      ASSERT_EQ(offer.mss, 0);
      if ((layout.options & SynOffer::kWindowScale) == 0) {
        ASSERT_EQ(offer.window_scale, SynOffer::kNoScale);
      } else {
        ASSERT_EQ(offer.window_scale, std::min(scale, 14U));
      }
      ASSERT_TRUE(agrees(options)) << hex(options);
    }
  }
}

TEST(SynOffer, OneWrongByteAndItSaysWhatTheParserSays) {
  Random random(2);
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    for (int round = 0; round < 20; ++round) {
      const Bytes right = layout.write(random_values(random));
      for (std::size_t at = 0; at < right.size(); ++at) {
        Bytes options = right;
        for (unsigned value = 0; value < 256; ++value) {
          options[at] = static_cast<std::byte>(value);
          ASSERT_TRUE(agrees(options)) << hex(options);
        }
      }
    }
  }
}

TEST(SynOffer, CutShortOrLongerItSaysWhatTheParserSays) {
  Random random(3);
  for (const Layout& layout : kLayouts) {
    SCOPED_TRACE(layout.name);
    for (std::size_t length = 0; length <= kMaxOptionBytes; ++length) {
      for (int round = 0; round < 50; ++round) {
        Bytes options = layout.write(random_values(random));
        const std::size_t had = options.size();
        options.resize(length);
        if (length > had) random.fill(std::span(options).subspan(had));
        ASSERT_TRUE(agrees(options)) << hex(options);
      }
    }
  }
}

// Two of the layouts mixed, word by word: each word may be right where it stands.
TEST(SynOffer, WordsOfDifferentLayoutsSayWhatTheParserSays) {
  Random random(4);
  for (int round = 0; round < 20'000; ++round) {
    Bytes options = kLayouts[random.below(4)].write(random_values(random));
    for (std::size_t at = 0; at < options.size(); at += 4) {
      const Bytes other = kLayouts[random.below(4)].write(random_values(random));
      if (random.chance(0.7)) continue;
      std::memcpy(options.data() + at, other.data() + 4 * random.below(other.size() / 4), 4);
    }
    ASSERT_TRUE(agrees(options)) << hex(options);
  }
}

TEST(SynOffer, RandomBytesOfAnyLengthSayWhatTheParserSays) {
  Random random(5);
  for (std::size_t length = 0; length <= kMaxOptionBytes; ++length) {
    for (int round = 0; round < 1000; ++round) {
      Bytes options(length);
      random.fill(options);
      // Kinds and lengths that exist are met more often.
      for (std::byte& value : options) {
        if (random.chance(0.6)) value &= std::byte{15};
      }
      ASSERT_TRUE(agrees(options)) << hex(options);
    }
  }
}

}  // namespace
}  // namespace levee::wire
