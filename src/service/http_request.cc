// RFC 9112 2.2 to 6.3 over Beast's parser, which is given each head from its start: what the RFC wants refused and
// Beast lets pass (Host, unknown transfer codings) is checked in its callbacks.
#include "service/http_request.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <limits>

namespace levee::service {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

// RFC 9110 7.2 and RFC 3986 3.2: what a host and a port may consist of; it may be empty.
bool is_host(BeastView value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~!$&'()*+,;=:%[]").find(c) != std::string_view::npos;
  });
}

class HeadParser final : public http::basic_parser<true> {
 public:
  Request request;
  unsigned hosts = 0;
  bool bad_host = false;
  bool unknown_coding = false;  // a transfer coding other than chunked alone
  bool says_close = false, says_keep_alive = false;

 private:
  void on_request_impl(http::verb verb, BeastView, BeastView target, int version, error_code&) override {
    switch (verb) {
      case http::verb::get:
        request.method = Method::Get;
        break;
      case http::verb::head:
        request.method = Method::Head;
        break;
      case http::verb::unknown:
        request.method = Method::Unknown;
        break;
      default:
        request.method = Method::Other;
        break;
    }
    request.target = {target.data(), target.size()};
    request.http_1_1 = version >= 11;
  }

  void on_field_impl(http::field field, BeastView, BeastView value, error_code&) override {
    switch (field) {
      case http::field::host:
        ++hosts;
        bad_host = bad_host || !is_host(value);
        break;
      case http::field::transfer_encoding:
        request.has_body = true;
        unknown_coding = unknown_coding || !boost::beast::iequals(value, "chunked");
        break;
      case http::field::connection:
        for (const BeastView& option : http::token_list(value)) {
          says_close = says_close || boost::beast::iequals(option, "close");
          says_keep_alive = says_keep_alive || boost::beast::iequals(option, "keep-alive");
        }
        break;
      default:
        break;
    }
  }

  void on_header_impl(error_code&) override {}
  void on_finish_impl(error_code&) override {}

  // A response line and a body are never seen: this parses requests and stops behind the head.
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, error_code&) override { return 0; }
};

Parsed refused(Status status) {
  Parsed parsed;
  parsed.outcome = Parsed::Outcome::Refused;
  parsed.refusal = status;
  return parsed;
}

// RFC 9110 15.6.6: a version that is well formed, only not ours, is told from garbage. `bytes` has the version behind
// its second space, as Beast would otherwise have complained about something else.
Parsed judge_version(std::string_view bytes) {
  constexpr std::string_view kForm = "HTTP/0.0\r\n";  // 0: any digit
  const std::string_view version = bytes.substr(bytes.find(' ', bytes.find(' ') + 1) + 1);
  for (std::size_t i = 0; i < std::min(version.size(), kForm.size()); ++i) {
    const bool digit = version[i] >= '0' && version[i] <= '9';
    if (kForm[i] == '0' ? !digit : version[i] != kForm[i]) return refused(Status::BadRequest);
  }
  if (version.size() < kForm.size()) return {};
  return refused(Status::VersionNotSupported);
}

}  // namespace

Parsed parse_request(std::string_view bytes) {
  bytes = bytes.substr(0, kMaxHead);
  HeadParser parser;
  parser.header_limit(kMaxHead);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // a body is refused by its presence, not by its size
  error_code error;
  const std::size_t length = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more || error == http::error::header_limit) {
    if (bytes.size() < kMaxHead) return {};
    return refused(bytes.find("\r\n") == std::string_view::npos ? Status::UriTooLong : Status::HeadTooLarge);
  }
  if (error == http::error::bad_version) return judge_version(bytes);
  if (error || !parser.is_header_done()) return refused(Status::BadRequest);

  Request request = parser.request;
  // RFC 9112 3.2: exactly one Host in HTTP/1.1, and never two.
  if (parser.bad_host || parser.hosts > 1 || (request.http_1_1 && parser.hosts == 0))
    return refused(Status::BadRequest);
  // RFC 9112 6.1: a coding that is not understood leaves the end of the request unknown.
  if (parser.unknown_coding) return refused(Status::NotImplemented);
  request.has_body = request.has_body || parser.content_length().value_or(0) > 0;
  // RFC 9112 9.3: "close" wins; without either word HTTP/1.1 stays and HTTP/1.0 closes.
  request.keep_alive = !parser.says_close && (request.http_1_1 || parser.says_keep_alive);
  return {Parsed::Outcome::Ready, Status::Ok, request, length};
}

}  // namespace levee::service
