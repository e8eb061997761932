// libpcap's dump file with our own time stamps; see pcap_writer.h.
#include "device/pcap_writer.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "device/startup_error.h"

namespace levee::device {

namespace {
constexpr int kSnapLength = 65535;
}

PcapWriter::PcapWriter(const std::string& path)
    : path_(path), handle_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength, PCAP_TSTAMP_PRECISION_NANO)) {
  if (handle_ != nullptr) dump_.reset(pcap_dump_open(handle_.get(), path.c_str()));
  if (dump_ == nullptr) {
    throw StartupError(kExitUsage, fmt::format("cannot create the capture file {}: {}; give --pcap_out a path in a "
                                               "writable directory",
                                               path, std::strerror(errno)));
  }
  scratch_.reserve(kSnapLength);
}

PcapWriter::~PcapWriter() = default;

void PcapWriter::write(Instant now, std::span<const shard::OutFrame> frames) {
  const Duration since_1970 = origin_ + now.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  for (const shard::OutFrame& frame : frames) {
    scratch_.assign(frame.data, frame.data + frame.length);
    for (const Slice& slice : frame.slices) {
      scratch_.insert(scratch_.end(), slice.data, slice.data + slice.length);
    }
    pcap_pkthdr header{};
    header.ts.tv_sec = seconds.count();
    header.ts.tv_usec = (since_1970 - seconds).count();  // nanoseconds in a nanosecond file
    header.len = static_cast<bpf_u_int32>(scratch_.size());
    header.caplen = header.len;
    pcap_dump(reinterpret_cast<u_char*>(dump_.get()), &header, reinterpret_cast<const u_char*>(scratch_.data()));
  }
}

std::string PcapWriter::close() {
  if (dump_ == nullptr) return {};
  const bool flushed = pcap_dump_flush(dump_.get()) == 0 && std::ferror(pcap_dump_file(dump_.get())) == 0;
  const int error = errno;
  dump_.reset();
  if (flushed) return {};
  return fmt::format("the capture file {} is incomplete: {}", path_, std::strerror(error));
}

}  // namespace levee::device
