// All checks are made on the decoded path, so that no escape, however often nested, passes one check and fails another:
// decoding happens once, here, and nothing decodes again.
#include "service/http_target.h"

#include <cstdint>

namespace levee::service {
namespace {

constexpr int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool starts_with_scheme(std::string_view target, std::string_view scheme) {
  if (target.size() < scheme.size()) return false;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = target[i] >= 'A' && target[i] <= 'Z' ? static_cast<char>(target[i] - 'A' + 'a') : target[i];
    if (c != scheme[i]) return false;
  }
  return true;
}

// RFC 9112 3.2.2: a server accepts absolute-form, proxy or not.
std::optional<std::string_view> without_authority(std::string_view target) {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!starts_with_scheme(target, scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = target.find_first_of("/?#");
    if (end == 0 || target.empty()) return std::nullopt;  // RFC 9110 4.2.1: an empty host is invalid
    return end == std::string_view::npos ? std::string_view() : target.substr(end);
  }
  return std::nullopt;
}

std::optional<std::string> decode(std::string_view path) {
  std::string decoded;
  decoded.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (path.size() - i < 3) return std::nullopt;
      const int high = hex(path[i + 1]), low = hex(path[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') return std::nullopt;
    decoded += c;
  }
  return decoded;
}

bool has_bad_segment(std::string_view path) {
  path.remove_prefix(1);
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == std::string_view::npos) return false;
    if (segment.empty()) return true;
    path.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::string> path_of(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    const std::optional<std::string_view> rest = without_authority(target);
    if (!rest) return std::nullopt;
    target = *rest;
  }
  if (target.find('#') != std::string_view::npos) return std::nullopt;
  target = target.substr(0, target.find('?'));
  if (target.empty()) return "/";
  std::optional<std::string> path = decode(target);
  if (!path || has_bad_segment(*path)) return std::nullopt;
  return path;
}

}  // namespace levee::service
