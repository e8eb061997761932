// The head of an HTTP/1.x request (RFC 9112), parsed by Boost.Beast; this is the only place that sees Beast. A request
// that has a body is told as such, the body is not read: nothing that levee serves takes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "service/http_response.h"

namespace levee::service {

inline constexpr std::size_t kMaxHead = 8192;  // bytes of request line and fields, the empty line included

enum class Method : std::uint8_t { Get, Head, Other, Unknown };  // Other: known to HTTP, not allowed here

struct Request {
  Method method = Method::Unknown;
  std::string_view target;  // into the parsed bytes
  bool http_1_1 = false;
  bool keep_alive = false;  // RFC 9112 9.3
  bool has_body = false;
};

struct Parsed {
  enum class Outcome : std::uint8_t { NeedMore, Refused, Ready };
  Outcome outcome = Outcome::NeedMore;
  Status refusal = Status::BadRequest;  // with Refused; where the next request would start is unknown, so close
  Request request;                      // with Ready
  std::size_t length = 0;               // with Ready: bytes of the head
};

// Parses the request at the start of `bytes`, of which it looks at no more than kMaxHead. NeedMore means that a longer
// input with the same start may be a request; the outcome never depends on how the bytes were cut.
[[nodiscard]] Parsed parse_request(std::string_view bytes);

}  // namespace levee::service
