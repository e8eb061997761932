// The head of a request, however it is cut, and the path that its target names.
#include <string>

#include "base/check.h"
#include "fuzz/target.h"
#include "service/http_request.h"
#include "service/http_target.h"

namespace levee::fuzz {
namespace {

using service::Parsed;
using Outcome = Parsed::Outcome;

// So that a step beyond the end is seen.
Parsed parse(std::string_view head, std::string& memory) {
  memory = std::string(head);
  memory.shrink_to_fit();
  return service::parse_request(memory);
}

void same(const Parsed& one, const Parsed& other) {
  CHECK(one.outcome == other.outcome);
  if (one.outcome == Outcome::Refused) CHECK(one.refusal == other.refusal);
  if (one.outcome != Outcome::Ready) return;
  const service::Request &a = one.request, &b = other.request;
  CHECK(one.length == other.length && a.method == b.method && a.target == b.target && a.http_1_1 == b.http_1_1);
  CHECK(a.keep_alive == b.keep_alive && a.has_body == b.has_body);
}

bool printable(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

// RFC 3986 5.2.4 and what a root stands for: nobody gets above it.
void check_path(std::string_view target) {
  const auto path = service::path_of(target);
  if (!path) return;
  CHECK(!path->empty() && path->front() == '/' && printable(*path) && path->find('\\') == std::string::npos);
  CHECK(path->find("//") == std::string::npos);
  const std::string closed = *path + "/";
  CHECK(closed.find("/../") == std::string::npos && closed.find("/./") == std::string::npos);
  CHECK(path->size() <= target.size() + 1);
  // An escape of every byte names the same path.
  constexpr char kDigits[] = "0123456789abcdef";
  std::string escaped = "/";
  for (const char c : path->substr(1)) {
    const auto byte = static_cast<unsigned char>(c);
    escaped += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  CHECK(service::path_of(escaped) == path);
}

}  // namespace

FUZZ_TARGET(http, input) {
  std::uint8_t cut = input.u8();
  const std::string_view all = input.text(9000);
  std::string memory, part_memory;
  const Parsed whole = parse(all, memory);
  if (whole.outcome == Outcome::Ready) {
    CHECK(whole.length <= all.size() && whole.length <= service::kMaxHead);
    CHECK(memory.substr(whole.length - 4, 4) == "\r\n\r\n");
    // What follows the head has no say.
    same(parse(std::string_view(memory).substr(0, whole.length), part_memory), whole);
    check_path(whole.request.target);
  }
  // Once there is an answer, more bytes do not change it.
  for (int cuts = 0; cuts < 8; ++cuts, cut = static_cast<std::uint8_t>(cut * 5 + 3)) {
    const std::size_t length = all.size() * cut / 256;
    const Parsed part = parse(all.substr(0, length), part_memory);
    if (part.outcome != Outcome::NeedMore) same(part, whole);
  }
  check_path(all.substr(0, 512));
}

}  // namespace levee::fuzz
