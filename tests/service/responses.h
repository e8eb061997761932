// Reads what an HTTP client received: a sequence of responses, each with its fields and its body.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace levee::service {

struct Response {
  int status = 0;
  std::string reason;
  std::map<std::string, std::string> fields;  // names as sent
  std::string body;

  [[nodiscard]] bool has(const std::string& name) const { return fields.count(name) == 1; }
  [[nodiscard]] std::string field(const std::string& name) const { return has(name) ? fields.at(name) : ""; }
};

// Cuts `text` by Content-Length; a response with a number of `heads` (from 0) has no body. A test failure and an early
// end where the text is no sequence of whole responses.
std::vector<Response> read_responses(std::string_view text, const std::vector<std::size_t>& heads = {});

// The one response that `text` is.
Response read_response(std::string_view text, bool head = false);

}  // namespace levee::service
