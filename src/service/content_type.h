// The media type of a file by its extension (RFC 9110 8.3).
#pragma once

#include <string_view>

namespace levee::service {

// Text comes with charset=utf-8; what is not known is application/octet-stream. Upper and lower case are the same.
[[nodiscard]] std::string_view content_type(std::string_view path);

}  // namespace levee::service
