// What client and service say to each other, so that each can check every byte of the other: a request that begins with
// its own length, the reply's length, who closes first and a nonce, and two streams that follow from the nonce. The
// nonce differs between incarnations of a tuple: a byte of an earlier one is a wrong byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace levee::peer {

inline constexpr std::uint32_t kScriptLength = 12;

struct Script {
  std::uint32_t request = kScriptLength;  // bytes, these included; at least kScriptLength
  std::uint32_t reply = 0;                // bytes, below 2^31
  bool server_closes = false;             // behind the reply; else it waits for the client's FIN
  std::uint32_t nonce = 0;
};

[[nodiscard]] inline std::array<std::byte, kScriptLength> encode(const Script& script) {
  std::array<std::byte, kScriptLength> bytes{};
  const std::array<std::uint32_t, 3> words = {script.request, script.reply | (script.server_closes ? 0x80000000U : 0U),
                                              script.nonce};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(words[i / 4] >> (8 * (i % 4)));
  return bytes;
}

[[nodiscard]] inline Script decode(std::span<const std::byte, kScriptLength> bytes) {
  std::array<std::uint32_t, 3> words{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    words[i / 4] |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * (i % 4));
  }
  return {.request = words[0],
          .reply = words[1] & 0x7fffffffU,
          .server_closes = (words[1] & 0x80000000U) != 0,
          .nonce = words[2]};
}

// The byte at `offset` of the stream that a nonce names. The reply's nonce is the request's complement.
[[nodiscard]] inline std::byte stream_byte(std::uint32_t nonce, std::uint32_t offset) {
  return static_cast<std::byte>((offset + nonce) * 131U + (offset >> 8) + (nonce >> 16));
}

}  // namespace levee::peer
