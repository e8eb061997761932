// Strict on purpose: status line, CR LF, "Name: value", one Content-Length.
#include "service/responses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace levee::service {

std::vector<Response> read_responses(std::string_view text, const std::vector<std::size_t>& heads) {
  std::vector<Response> responses;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos || text.substr(0, 9) != "HTTP/1.1 ") {
      ADD_FAILURE() << "no response head: " << text.substr(0, 200);
      return responses;
    }
    std::string_view head = text.substr(0, end + 2);
    text.remove_prefix(end + 4);
    Response response;
    response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
    response.reason = head.substr(13, head.find("\r\n") - 13);
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      head.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(": ");
      EXPECT_NE(colon, std::string_view::npos) << line;
      const bool fresh =
          response.fields.emplace(line.substr(0, colon), line.substr(std::min(colon + 2, line.size()))).second;
      EXPECT_TRUE(fresh) << "twice: " << line;
    }
    const bool no_body = std::find(heads.begin(), heads.end(), responses.size()) != heads.end();
    const std::size_t length = std::strtoul(response.field("Content-Length").c_str(), nullptr, 10);
    EXPECT_TRUE(response.has("Content-Length"));
    if (!no_body) {
      if (length > text.size()) {
        ADD_FAILURE() << "body of " << text.size() << " bytes instead of " << length;
        return responses;
      }
      response.body = text.substr(0, length);
      text.remove_prefix(length);
    }
    responses.push_back(std::move(response));
  }
  return responses;
}

Response read_response(std::string_view text, bool head) {
  std::vector<Response> responses =
      read_responses(text, head ? std::vector<std::size_t>{0} : std::vector<std::size_t>{});
  EXPECT_EQ(responses.size(), 1U);
  return responses.empty() ? Response{} : std::move(responses.front());
}

}  // namespace levee::service
