// Any frames into a shard at a crossroads: ports, VLANs, ARP, ICMP, TCP; cut into pieces, in buffers that are shared or
// not, with checksums said to be this or that.
#include "fuzz/frames.h"
#include "fuzz/fuzzed_shard.h"
#include "fuzz/target.h"
#include "sim/recording_service.h"

namespace levee::fuzz {

FUZZ_TARGET(frame, input) {
  ShardOptions options = crossroads();
  options.syn.cookies = static_cast<SynCookies>(input.below(3));
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::make_unique<sim::RecordingService>());
  FuzzedShard fuzzed(options, std::move(services));
  for (int bursts = 0; bursts < 16 && !input.empty(); ++bursts) {
    fuzzed.receive(read_burst(input, 8));
    fuzzed.advance(std::chrono::milliseconds(input.u8()));
  }
  fuzzed.end();
}

}  // namespace levee::fuzz
