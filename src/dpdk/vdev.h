// The words of `--dev`, `tap:NAME` and `pcap:IN,OUT` and the like, turned into names and arguments of DPDK's virtual
// devices. Pure text and a look at the file system: usable, and used by --check_config, without EAL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace levee::dpdk {

enum class VdevKind { Tap, Pcap, Ring, Memif, VirtioUser };

struct Vdev {
  VdevKind kind = VdevKind::Tap;
  std::string text;          // as the operator wrote it, for messages
  std::string name;          // "net_tap_levee0"; the prefix chooses the driver
  std::string arguments;     // "iface=levee0"
  std::string listens_at{};  // the socket that the device makes and waits at; empty: none
  bool finite = false;       // a capture: it ends

  // May run with known secrets, because nobody but its maker can reach it.
  [[nodiscard]] bool replayable() const { return kind == VdevKind::Pcap || kind == VdevKind::Ring; }
};

// The forms of `--dev`, for help and for the message about a wrong one.
inline constexpr std::string_view kVdevForms = "tap:NAME, pcap:IN[,OUT], ring, memif:SOCKET[,server] or virtio:SOCKET";

// Throws StartupError (exit code 2) about an unknown form, a bad name or a file that cannot be read. `number` makes the
// device's name unique in the process.
[[nodiscard]] Vdev parse_vdev(std::string_view text, std::size_t number);

// Several of them, separated by ';' because a pcap has a comma inside.
[[nodiscard]] std::vector<Vdev> parse_vdevs(const std::vector<std::string>& texts);

// Removes the socket `listens_at` if nobody listens there: a process that was killed leaves it behind, and the next one
// could not make it again.
void remove_stale_socket(const Vdev& vdev);

// Why a device of this kind may have failed to start, as the second half of a sentence.
[[nodiscard]] std::string advice(const Vdev& vdev);

}  // namespace levee::dpdk
