// The head of an HTTP response (RFC 9110 15, RFC 9112 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace levee::service {

enum class Status : std::uint16_t {
  Ok = 200,
  BadRequest = 400,
  NotFound = 404,
  MethodNotAllowed = 405,
  UriTooLong = 414,
  HeadTooLarge = 431,  // RFC 6585 5: Request Header Fields Too Large
  NotImplemented = 501,
  Unavailable = 503,
  VersionNotSupported = 505,
};

[[nodiscard]] std::string_view reason(Status status);

struct ResponseHead {
  Status status = Status::Ok;
  std::string_view content_type;
  std::uint64_t content_length = 0;  // bytes of the body, also where HEAD keeps it back (RFC 9110 8.6)
  bool http_1_1 = true;              // the version of the request, which decides whether "keep-alive" must be said
  bool keep_alive = false;
  bool cacheable = false;
};

// Appends the head with its empty line. There is no Date: levee has no calendar clock on this floor, and a server
// without one must not send the field (RFC 9110 6.6.1). 405 gets its Allow.
void write_head(std::string& out, const ResponseHead& head, std::string_view version);

}  // namespace levee::service
