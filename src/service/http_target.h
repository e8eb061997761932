// From a request target (RFC 9112 3.2) to the path that it names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace levee::service {

// The decoded path, which starts with '/' and has neither an empty segment, save a last one, nor a dot segment. Accepts
// origin-form and absolute-form and leaves the query away. Nothing, meaning 400, for another form, a broken percent
// escape, a control character or NUL, a backslash, a fragment, and dot segments: removing those is the client's part
// (RFC 3986 5.2.4), and one who sends them here, escaped or not, is looking for a way out of the root.
[[nodiscard]] std::optional<std::string> path_of(std::string_view target);

}  // namespace levee::service
