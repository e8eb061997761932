// A short list of what a browser or a test needs; the media types are IANA's.
#include "service/content_type.h"

#include <algorithm>
#include <array>

namespace levee::service {
namespace {

struct Known {
  std::string_view extension;
  std::string_view type;
};

constexpr std::array kKnown = {
    Known{"avif", "image/avif"},
    Known{"css", "text/css; charset=utf-8"},
    Known{"csv", "text/csv; charset=utf-8"},
    Known{"gif", "image/gif"},
    Known{"gz", "application/gzip"},
    Known{"htm", "text/html; charset=utf-8"},
    Known{"html", "text/html; charset=utf-8"},
    Known{"ico", "image/vnd.microsoft.icon"},
    Known{"jpeg", "image/jpeg"},
    Known{"jpg", "image/jpeg"},
    Known{"js", "text/javascript; charset=utf-8"},
    Known{"json", "application/json"},
    Known{"md", "text/markdown; charset=utf-8"},
    Known{"mjs", "text/javascript; charset=utf-8"},
    Known{"mp3", "audio/mpeg"},
    Known{"mp4", "video/mp4"},
    Known{"pdf", "application/pdf"},
    Known{"png", "image/png"},
    Known{"svg", "image/svg+xml"},
    Known{"tar", "application/x-tar"},
    Known{"ttf", "font/ttf"},
    Known{"txt", "text/plain; charset=utf-8"},
    Known{"wasm", "application/wasm"},
    Known{"webm", "video/webm"},
    Known{"webp", "image/webp"},
    Known{"woff", "font/woff"},
    Known{"woff2", "font/woff2"},
    Known{"xml", "text/xml; charset=utf-8"},
    Known{"zip", "application/zip"},
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view content_type(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  const std::size_t dot = file.rfind('.');
  if (dot != std::string_view::npos) {
    for (const Known& known : kKnown) {
      if (same(known.extension, file.substr(dot + 1))) return known.type;
    }
  }
  return "application/octet-stream";
}

}  // namespace levee::service
