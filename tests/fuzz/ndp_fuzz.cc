// Neighbour discovery by whoever is on the link (RFC 4861): solicitations, advertisements, and what is not heard at
// all, router advertisements and redirects. Every good solicitation of an address of ours gets one right answer and
// nothing else gets any; a SYN goes only to a MAC that was told in answer to a question of ours, within its time.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "fuzz/fuzzed_shard.h"
#include "fuzz/target.h"
#include "sim/recording_service.h"

namespace levee::fuzz {
namespace {

constexpr std::uint16_t kVlan = 5;
constexpr std::uint8_t kSolicitation = 135, kAdvertisement = 136;
constexpr std::size_t kMostOptions = 16;  // that are read (wire/ndp.h)
constexpr Duration kAnswerWithin = std::chrono::seconds(3);
const Ipv6Address kLinkLocal = parse_ipv6("fe80::1").value(), kOnVlan = parse_ipv6("fd05::1").value();

// ::ffff:10.0.0.HOST is what an IPv4 neighbour would be called here.
Ipv6Address host(std::uint8_t which) {
  const std::uint8_t last = 0x10 + which % 4;
  switch (which / 4 % 4) {
    case 0:
      return fd00(last);
    case 1:
      return {{0xfd, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
    case 2:
      return IpAddress(Ipv4Address{0x0a000000U + last}).v6();
    default:
      return {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}};
  }
}

// Somebody's, ours, or nobody's.
Ipv6Address any_address(Input& input) {
  const std::uint8_t which = input.u8();
  const std::array own = {kOurAddress6, kLinkLocal, kOnVlan};
  switch (which >> 5) {
    case 0:
    case 1:
      return own[which % own.size()];
    case 2:
      return sim::solicited_node(own[which % own.size()]);
    case 3: {
      Ipv6Address any;
      const auto octets = input.bytes(any.octets.size());
      for (std::size_t i = 0; i < octets.size(); ++i) any.octets[i] = std::to_integer<std::uint8_t>(octets[i]);
      return any;
    }
    case 4:
      return {};
    default:
      return host(which);
  }
}

ShardOptions two_links() {
  ShardOptions options = small_options();
  options.interfaces.push_back({.port = 0, .vlan = kVlan, .mac = kOurMac});
  options.addresses.push_back({.address = kLinkLocal, .prefix_length = 64});
  options.addresses.push_back({.address = kOnVlan, .prefix_length = 64, .interface = 1});
  return options;
}

class Link {
 public:
  explicit Link(Input& input) : input_(&input), fuzzed_(two_links(), recorder()) {}

  void step();
  void end() { fuzzed_.end(); }

 private:
  static std::vector<std::unique_ptr<Service>> recorder() {
    std::vector<std::unique_ptr<Service>> services;
    services.push_back(std::make_unique<sim::RecordingService>());
    return services;
  }
  [[nodiscard]] sim::Bytes message();
  void arrives(const sim::Bytes& frame);
  void teaches(const sim::NdpMessage& advertisement);
  // Returns how many of them are advertisements.
  int listen(const sim::NdpMessage* asked);
  void check_answer(const sim::NdpMessage& answer, const sim::NdpMessage& asked) const;

  Input* input_;
  FuzzedShard fuzzed_;
  std::map<Ipv6Address, Instant> asked_;              // when the shard last solicited it
  std::map<Ipv6Address, std::set<MacAddress>> told_;  // in answers
};

bool is_ours(const Ipv6Address& address) {
  return address == kOurAddress6 || address == kLinkLocal || address == kOnVlan;
}

std::size_t count_options(const sim::Bytes& options) {
  std::size_t count = 0;
  for (std::size_t at = 0; at + 1 < options.size(); ++count) {
    at += std::max<std::size_t>(8, 8 * std::to_integer<std::size_t>(options[at + 1]));
  }
  return count;
}

// RFC 4861 7.1.1 and 7.1.2, as far as both say the same, and what every packet has to be.
bool is_good(const sim::Dissected& parts) {
  if (!parts.ndp || !parts.error.empty()) return false;
  const sim::NdpMessage& message = *parts.ndp;
  return message.hop_limit == 255 && message.code == 0 && message.target.is_valid_source() &&
         (message.vlan == 0 || message.vlan == kVlan) && !message.source_mac.is_multicast() &&
         !is_ours(message.source) && count_options(message.raw_options) <= kMostOptions;
}

// The first option of its type and length.
std::optional<MacAddress> mac_option(const sim::Bytes& options, std::uint8_t type) {
  for (std::size_t at = 0; at + 8 <= options.size();) {
    const auto length = 8 * std::to_integer<std::size_t>(options[at + 1]);
    if (options[at] == std::byte{type} && length == 8) {
      MacAddress mac;
      for (std::size_t i = 0; i < 6; ++i) mac.octets[i] = std::to_integer<std::uint8_t>(options[at + 2 + i]);
      return mac;
    }
    at += length;
  }
  return std::nullopt;
}

// RFC 4861 7.1.1, 7.2.3.
bool wants_answer(const sim::Dissected& parts) {
  if (!is_good(parts) || parts.ndp->type != kSolicitation) return false;
  const sim::NdpMessage& asked = *parts.ndp;
  const auto is_group_of = [&](const Ipv6Address& own) { return asked.destination == sim::solicited_node(own); };
  const auto is_mac_of = [&](const Ipv6Address& own) {
    return asked.destination_mac == sim::multicast_mac(sim::solicited_node(own));
  };
  const std::array own = {kOurAddress6, kLinkLocal, kOnVlan};
  const bool to_group = std::any_of(own.begin(), own.end(), is_group_of);
  const bool to_group_mac = std::any_of(own.begin(), own.end(), is_mac_of);
  if (asked.destination_mac != kOurMac && !to_group_mac) return false;
  if (!to_group && (to_group_mac || !is_ours(asked.destination))) return false;
  const auto source_option = mac_option(asked.raw_options, 1);
  if (source_option && source_option->is_multicast()) return false;
  if (asked.source.is_unspecified() ? source_option.has_value() || !to_group : !asked.source.is_valid_source()) {
    return false;
  }
  return asked.vlan == 0 ? asked.target == kOurAddress6 || asked.target == kLinkLocal : asked.target == kOnVlan;
}

sim::Bytes Link::message() {
  constexpr std::uint8_t kTypes[] = {kSolicitation, kAdvertisement, kAdvertisement, 134, 137, 133};
  sim::NdpMessage made;
  const std::uint8_t how = input_->u8();
  const std::uint8_t more = input_->u8();
  made.type = how % 8 < std::size(kTypes) ? kTypes[how % 8] : input_->u8();
  made.vlan = (how & 8) != 0 ? kVlan : std::uint16_t{0};
  made.source_mac = {{2, 0, 0, 0, 9, input_->u8()}};
  made.target = any_address(*input_);
  made.source = (how & 16) != 0 ? any_address(*input_) : host(more);
  made.destination = (how & 32) != 0 ? any_address(*input_) : (how & 8) != 0 ? kOnVlan : kOurAddress6;
  made.destination_mac = made.destination.is_multicast() ? sim::multicast_mac(made.destination) : kOurMac;
  made.solicited = (how & 64) == 0;
  made.overrides = (how & 128) == 0;
  const MacAddress told{{static_cast<std::uint8_t>(more >> 4 & 3), 0, 0, 0, 9, input_->u8()}};
  if ((more & 1) != 0) made.source_option = told;
  if ((more & 2) == 0) made.target_option = told;
  if ((more & 4) != 0) {
    const auto options = input_->bytes(input_->below(160));
    made.raw_options.assign(options.begin(), options.end());
  }
  if ((more & 8) != 0) made.hop_limit = input_->u8();
  if ((more & 64) != 0) made.code = input_->u8();
  sim::Bytes frame = build(made);
  if ((more & 128) != 0) {
    const std::size_t at = input_->u8() % frame.size();
    frame[at] = static_cast<std::byte>(input_->u8());
    if (input_->flag()) sim::fix_checksums(frame);
  }
  return frame;
}

void Link::teaches(const sim::NdpMessage& advertisement) {
  const auto question = asked_.find(advertisement.target);
  if (question == asked_.end() || fuzzed_.now() - question->second >= kAnswerWithin) return;
  if (!advertisement.solicited) return;
  if (const auto mac = mac_option(advertisement.raw_options, 2)) told_[advertisement.target].insert(*mac);
}

void Link::check_answer(const sim::NdpMessage& answer, const sim::NdpMessage& asked) const {
  const bool to_nobody = asked.source.is_unspecified();
  const Ipv6Address all_nodes = parse_ipv6("ff02::1").value();
  const bool right = answer.target == asked.target && answer.source == asked.target && answer.source_mac == kOurMac &&
                     answer.destination == (to_nobody ? all_nodes : asked.source) &&
                     answer.destination_mac == (to_nobody ? sim::multicast_mac(all_nodes) : asked.source_mac) &&
                     answer.solicited == !to_nobody && answer.overrides && !answer.router && answer.code == 0 &&
                     answer.target_option == kOurMac && answer.hop_limit == 255 && answer.vlan == asked.vlan;
  if (!right) finding("a wrong advertisement");
}

int Link::listen(const sim::NdpMessage* asked) {
  int advertisements = 0;
  for (const Sent& sent : fuzzed_.take_sent()) {
    if (sent.parts.tcp) {
      const IpAddress& to = sent.parts.tcp->destination;
      if (!told_[to.v6()].contains(sent.parts.tcp->destination_mac))
        finding("a SYN to a MAC that nobody was asked for");
    }
    if (!sent.parts.ndp) continue;
    if (sent.parts.ndp->type == kSolicitation) {
      asked_[sent.parts.ndp->target] = fuzzed_.now();
    } else {
      ++advertisements;
      if (asked == nullptr) finding("an advertisement that nobody asked for");
      check_answer(*sent.parts.ndp, *asked);
    }
  }
  return advertisements;
}

void Link::arrives(const sim::Bytes& frame) {
  const sim::Dissected parts = sim::dissect(frame);
  const bool wanted = wants_answer(parts);
  if (is_good(parts) && parts.ndp->type == kAdvertisement) teaches(*parts.ndp);
  Arrival arrival{.bytes = frame};
  arrival.exclusive = input_->flag();
  fuzzed_.receive({arrival});
  if (listen(wanted ? &*parts.ndp : nullptr) != (wanted ? 1 : 0)) finding("no answer to " + sim::describe(frame));
}

void Link::step() {
  constexpr std::array<int, 8> kPauses = {1, 100, 999, 1000, 2500, 3000, 30'000, 61'000};
  const std::uint8_t operation = input_->u8();
  switch (operation % 4) {
    case 0: {
      const std::uint8_t which = operation >> 2;
      static_cast<void>(fuzzed_.shard().connect(fuzzed_.now(), {host(which), 80}, 0));
      fuzzed_.run();
      break;
    }
    case 1: {
      // Deadline by deadline, so that each question is known by its time.
      const Instant until = fuzzed_.now() + std::chrono::milliseconds(kPauses[operation >> 2 & 7]);
      while (fuzzed_.now() < until) {
        const Instant next = std::clamp(fuzzed_.shard().next_deadline(), fuzzed_.now(), until);
        fuzzed_.advance(std::max(next - fuzzed_.now(), Duration{1}));
        listen(nullptr);
      }
      break;
    }
    default:
      return arrives(message());
  }
  listen(nullptr);
}

}  // namespace

FUZZ_TARGET(ndp, input) {
  Link link(input);
  for (int steps = 0; steps < 60 && !input.empty(); ++steps) link.step();
  link.end();
}

}  // namespace levee::fuzz
