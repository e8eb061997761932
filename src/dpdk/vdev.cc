// Device shorthands; see vdev.h.
#include "dpdk/vdev.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "device/startup_error.h"

namespace levee::dpdk {

namespace {

constexpr std::size_t kLongestInterfaceName = 15;  // IFNAMSIZ - 1

[[noreturn]] void refuse(const std::string& sentence) { throw device::StartupError(device::kExitUsage, sentence); }

// EAL splits arguments at commas and knows no quoting.
std::string without_comma(std::string_view text, std::string_view path) {
  if (path.empty() || path.find(',') != std::string_view::npos) {
    refuse(fmt::format("--dev={}: give a path without a comma", text));
  }
  return std::string(path);
}

std::string interface_name(std::string_view text, std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (name.empty() || name.size() > kLongestInterfaceName || !std::all_of(name.begin(), name.end(), allowed)) {
    refuse(fmt::format("--dev={}: an interface name has 1 to {} letters, digits, '_', '-' or '.'", text,
                       kLongestInterfaceName));
  }
  return std::string(name);
}

void check_readable(std::string_view text, const std::string& path) {
  if (access(path.c_str(), R_OK) != 0) {
    refuse(
        fmt::format("--dev={}: cannot read {}: {}; give the path of a capture file", text, path, std::strerror(errno)));
  }
  if (std::filesystem::is_directory(path)) refuse(fmt::format("--dev={}: {} is a directory, give a file", text, path));
}

void check_writable(std::string_view text, const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? std::string(".") : parent.string();
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    refuse(fmt::format("--dev={}: cannot create {}: {}; give a path in a writable directory", text, path,
                       std::strerror(errno)));
  }
}

Vdev parse_pcap(Vdev vdev, std::string_view rest) {
  const std::size_t comma = rest.find(',');
  const std::string in = without_comma(vdev.text, rest.substr(0, comma));
  check_readable(vdev.text, in);
  vdev.arguments = "rx_pcap=" + in;
  if (comma != std::string_view::npos) {
    const std::string out = without_comma(vdev.text, rest.substr(comma + 1));
    check_writable(vdev.text, out);
    vdev.arguments += ",tx_pcap=" + out;
  }
  vdev.finite = true;
  return vdev;
}

Vdev parse_memif(Vdev vdev, std::string_view rest) {
  std::string_view role = "client";
  if (const std::size_t comma = rest.find(','); comma != std::string_view::npos) {
    role = rest.substr(comma + 1);
    rest = rest.substr(0, comma);
  }
  if (role != "client" && role != "server") refuse(fmt::format("--dev={}: a memif is 'client' or 'server'", vdev.text));
  const std::string path = without_comma(vdev.text, rest);
  vdev.arguments = fmt::format("socket={},role={},socket-abstract=no", path, role);
  if (role == "server") vdev.listens_at = path;
  return vdev;
}

}  // namespace

Vdev parse_vdev(std::string_view text, std::size_t number) {
  const std::size_t colon = text.find(':');
  const std::string_view form = text.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  Vdev vdev;
  vdev.text = text;
  const auto named = [&](VdevKind kind, std::string_view driver) {
    vdev.kind = kind;
    vdev.name = fmt::format("{}_levee{}", driver, number);
  };
  if (form == "tap") {
    named(VdevKind::Tap, "net_tap");
    vdev.arguments = "iface=" + interface_name(text, rest);
    return vdev;
  }
  if (form == "pcap") {
    named(VdevKind::Pcap, "net_pcap");
    return parse_pcap(std::move(vdev), rest);
  }
  if (text == "ring") {
    named(VdevKind::Ring, "net_ring");
    return vdev;
  }
  if (form == "memif") {
    named(VdevKind::Memif, "net_memif");
    return parse_memif(std::move(vdev), rest);
  }
  if (form == "virtio") {
    named(VdevKind::VirtioUser, "virtio_user");
    vdev.arguments = "path=" + without_comma(text, rest);
    return vdev;
  }
  refuse(fmt::format("--dev={}: unknown device, give {}", text, kVdevForms));
}

std::vector<Vdev> parse_vdevs(const std::vector<std::string>& texts) {
  std::vector<Vdev> vdevs;
  vdevs.reserve(texts.size());
  for (const std::string& text : texts) vdevs.push_back(parse_vdev(text, vdevs.size()));
  return vdevs;
}

void remove_stale_socket(const Vdev& vdev) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (vdev.listens_at.empty() || vdev.listens_at.size() >= sizeof(address.sun_path)) return;
  vdev.listens_at.copy(address.sun_path, vdev.listens_at.size());
  // A listener takes sequenced packets and refuses this as a wrong type. It must not see a connection that ends at
  // once: DPDK 22.11's own listener panics over one.
  const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  const int connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool nobody_listens = connected != 0 && errno == ECONNREFUSED;
  close(probe);
  std::error_code ignored;
  if (nobody_listens && std::filesystem::is_socket(vdev.listens_at, ignored)) {
    std::filesystem::remove(vdev.listens_at, ignored);
  }
}

std::string advice(const Vdev& vdev) {
  switch (vdev.kind) {
    case VdevKind::Tap:
      if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        return fmt::format("/dev/net/tun: {}; load the kernel's tun module and run as root", std::strerror(errno));
      }
      return "run as root or with CAP_NET_ADMIN, and choose a name that no interface has";
    case VdevKind::Pcap:
      return "give a capture file in pcap format, and an output path that can be written";
    case VdevKind::Ring:
      return "give EAL more memory with -m MEGABYTES before --";
    case VdevKind::Memif:
      return vdev.listens_at.empty() ? "start the server side first"
                                     : "give a path in a writable directory where nobody else listens";
    case VdevKind::VirtioUser:
      return "start the vhost side first, it owns the socket";
  }
  return {};
}

}  // namespace levee::dpdk
