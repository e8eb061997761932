// Writes outgoing frames to a capture file in libpcap's nanosecond format, stamped with the caller's time instead of
// the wall clock, so that two equal runs give two equal files. DPDK's net_pcap stamps the wall clock and cannot do
// that.
//
// One thread. The file is created by the constructor and complete after `close`.
#pragma once

#include <pcap/pcap.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "levee/time.h"
#include "shard/frame.h"

namespace levee::device {

class PcapWriter {
 public:
  // Throws StartupError (exit code 2) if the file cannot be created.
  explicit PcapWriter(const std::string& path);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  // What Instant zero means, as time since 1970.
  void set_origin(Duration since_1970) { origin_ = since_1970; }

  // Appends the frames with their payload gathered. Checksums are written as they stand in the frames: use it only with
  // devices whose checksum offloads are off.
  void write(Instant now, std::span<const shard::OutFrame> frames);

  // Flushes and closes. Returns an empty string, or one sentence about what went wrong since the start (a full disk).
  [[nodiscard]] std::string close();

 private:
  struct CloseHandle {
    void operator()(pcap_t* handle) const { pcap_close(handle); }
  };
  struct CloseDump {
    void operator()(pcap_dumper_t* dump) const { pcap_dump_close(dump); }
  };

  std::string path_;
  std::unique_ptr<pcap_t, CloseHandle> handle_;
  std::unique_ptr<pcap_dumper_t, CloseDump> dump_;
  std::vector<std::byte> scratch_;
  Duration origin_{};
};

}  // namespace levee::device
