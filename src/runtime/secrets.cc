// Secrets from getrandom or from a seed; see secrets.h.
#include "runtime/secrets.h"

#include <sys/random.h>

#include <cstring>
#include <span>

#include "base/random.h"
#include "device/startup_error.h"

namespace levee::runtime {

namespace {

class Source {
 public:
  explicit Source(std::optional<std::uint64_t> seed) {
    if (seed) generator_.emplace(*seed);
  }

  void fill(std::span<std::byte> bytes) {
    if (generator_) {
      generator_->fill(bytes);
      return;
    }
    while (!bytes.empty()) {
      const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
      if (got <= 0) throw device::StartupError(device::kExitDevice, "the kernel gives no random bytes (getrandom)");
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }

  template <typename T>
  void fill(T& value) {
    fill(std::as_writable_bytes(std::span<T, 1>(&value, 1)));
  }

 private:
  std::optional<Random> generator_;
};

}  // namespace

ProcessSecrets make_secrets(std::optional<std::uint64_t> seed, std::size_t shards) {
  Source source(seed);
  ProcessSecrets made;
  source.fill(made.mac.octets);
  made.mac.octets[0] = 0x02;  // locally administered, unicast (IEEE 802, 8.2.2)
  shard::Secrets common;
  source.fill(common.isn_key);
  source.fill(common.flow_key);
  source.fill(common.toeplitz_key);
  for (std::size_t i = 0; i < shards; ++i) {
    shard::Secrets& secrets = made.shards.emplace_back(common);
    source.fill(secrets.random_seed);
  }
  source.fill(made.cookie_master);
  return made;
}

void share_secrets(ProcessSecrets& secrets, const MasterKey& master) {
  secrets.cookie_master = master;
  for (shard::Secrets& each : secrets.shards) each.flow_key = flow_key(master);
}

}  // namespace levee::runtime
