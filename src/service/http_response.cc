// The version in the status line is the server's own, whatever the request's was (RFC 9110 6.2).
#include "service/http_response.h"

#include <fmt/format.h>

#include <iterator>

namespace levee::service {

std::string_view reason(Status status) {
  switch (status) {
    case Status::Ok:
      return "OK";
    case Status::BadRequest:
      return "Bad Request";
    case Status::NotFound:
      return "Not Found";
    case Status::MethodNotAllowed:
      return "Method Not Allowed";
    case Status::UriTooLong:
      return "URI Too Long";
    case Status::HeadTooLarge:
      return "Request Header Fields Too Large";
    case Status::NotImplemented:
      return "Not Implemented";
    case Status::Unavailable:
      return "Service Unavailable";
    case Status::VersionNotSupported:
      return "HTTP Version Not Supported";
  }
  return "Unknown";
}

void write_head(std::string& out, const ResponseHead& head, std::string_view version) {
  fmt::format_to(
      std::back_inserter(out), "HTTP/1.1 {} {}\r\nServer: levee/{}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
      static_cast<unsigned>(head.status), reason(head.status), version, head.content_type, head.content_length);
  if (head.status == Status::MethodNotAllowed) out += "Allow: GET, HEAD\r\n";
  if (!head.cacheable) out += "Cache-Control: no-store\r\n";
  if (!head.keep_alive) {
    out += "Connection: close\r\n";
  } else if (!head.http_1_1) {
    out += "Connection: keep-alive\r\n";
  }
  out += "X-Content-Type-Options: nosniff\r\n\r\n";
}

}  // namespace levee::service
