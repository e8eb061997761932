// What EndpointOptions refuses and in which words, and what the shards are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "device/startup_error.h"
#include "levee/endpoint.h"
#include "runtime/plan.h"
#include "runtime/secrets.h"
#include "runtime/validate.h"

namespace levee::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Ipv4Address v4(const char* text) { return parse_ipv4(text).value(); }
Ipv6Address v6(const char* text) { return parse_ipv6(text).value(); }

EndpointOptions good() {
  EndpointOptions options;
  options.devices = {"tap:levee0"};
  options.addresses = {{.address = v4("10.0.0.2"), .prefix_length = 24, .link = {}}};
  options.routes = {{.prefix = {}, .prefix_length = 0, .next_hop = v4("10.0.0.1"), .link = {}}};
  options.listeners = {{.local = {{}, 80}, .service = "echo", .tcp = {}}};
  return options;
}

std::string fault_of(const EndpointOptions& options) {
  try {
    validate(options, [](std::string_view name) { return name == "echo"; });
  } catch (const device::StartupError& error) {
    EXPECT_EQ(error.exit_code(), device::kExitUsage);
    return error.what();
  }
  return "";
}

TEST(Validate, GoodOptionsPass) { EXPECT_EQ(fault_of(good()), ""); }

struct Case {
  const char* name;
  std::function<void(EndpointOptions&)> spoil;
  const char* says;
};

class Refusals : public testing::TestWithParam<Case> {};

TEST_P(Refusals, InOneSentence) {
  EndpointOptions options = good();
  GetParam().spoil(options);
  const std::string fault = fault_of(options);
  EXPECT_THAT(fault, HasSubstr(GetParam().says));
  EXPECT_EQ(fault.find('\n'), std::string::npos);
}

using O = EndpointOptions;

// Adds fd00::2/64 to good().
void add_v6(O& o, const char* address = "fd00::2", std::uint8_t prefix_length = 64) {
  o.addresses.push_back({.address = v6(address), .prefix_length = prefix_length, .link = {}});
}
void add_v6_route(O& o, const char* prefix, std::uint8_t length, const char* next_hop) {
  add_v6(o);
  o.routes.push_back({.prefix = v6(prefix), .prefix_length = length, .next_hop = v6(next_hop), .link = {}});
}

INSTANTIATE_TEST_SUITE_P(
    Clients, Refusals,
    testing::Values(Case{"unknown", [](O& o) { o.clients = {"nc"}; }, "client nc: there is no service of this name"},
                    Case{"buffer", [](O& o) { o.active.send_buffer = 100; }, "connections of our own: a buffer of 100"},
                    Case{"tick", [](O& o) { o.tick = 99us; }, "at least 100 us"}),
    [](const auto& each) { return each.param.name; });

TEST(Validate, AClientNeedsNoListener) {
  EndpointOptions options = good();
  options.listeners.clear();
  options.clients = {"echo"};
  options.tick = 1ms;
  EXPECT_EQ(fault_of(options), "");
}

INSTANTIATE_TEST_SUITE_P(
    Ipv6, Refusals,
    testing::Values(
        Case{"multicast", [](O& o) { add_v6(o, "ff02::1"); }, "this is a multicast address"},
        Case{"loopback", [](O& o) { add_v6(o, "::1"); }, "give a unicast address"},
        Case{"unspecified", [](O& o) { add_v6(o, "::"); }, "give a unicast address"},
        Case{"network", [](O& o) { add_v6(o, "fd00::"); }, "network's own"},
        Case{"length_0", [](O& o) { add_v6(o, "fd00::2", 0); }, "1 to 128"},
        Case{"length_129", [](O& o) { add_v6(o, "fd00::2", 129); }, "--address=fd00::2/129: give a prefix length of 1"},
        Case{"twice",
             [](O& o) {
               add_v6(o);
               add_v6(o);
             },
             "--address=fd00::2: given twice"},
        Case{"mtu",
             [](O& o) {
               add_v6(o);
               o.mtu = 1279;
             },
             "--mtu=1279: an IPv6 link carries at least 1280"},
        Case{"route_bits", [](O& o) { add_v6_route(o, "fd01::1", 16, "fd00::1"); }, "clear"},
        Case{"route_length", [](O& o) { add_v6_route(o, "fd01::", 129, "fd00::1"); }, "0 to 128"},
        Case{"route_multicast", [](O& o) { add_v6_route(o, "ff00::", 8, "fd00::1"); }, "multicast"},
        Case{"route_off_link", [](O& o) { add_v6_route(o, "fd01::", 16, "fd02::1"); }, "in no --address's prefix"},
        Case{"route_multicast_hop", [](O& o) { add_v6_route(o, "fd01::", 16, "ff02::1"); }, "unicast address"},
        Case{"route_link_local", [](O& o) { add_v6_route(o, "fd01::", 16, "fe80::1"); }, "name its port with @PORT"},
        Case{"route_of_two_families",
             [](O& o) {
               add_v6_route(o, "fd01::", 16, "fd00::1");
               o.routes.back().next_hop = v4("10.0.0.1");
             },
             "next hop of the prefix's family"},
        Case{"listens_elsewhere",
             [](O& o) {
               add_v6(o);
               o.listeners[0].local.address = v6("fd00::3");
             },
             "--listen=[fd00::3]:80/echo: the address is not ours"},
        Case{"listens_anywhere_twice",
             [](O& o) {
               o.listeners.push_back(o.listeners[0]);
               o.listeners[1].local.address = Ipv6Address{};
             },
             "given twice"}),
    [](const testing::TestParamInfo<Case>& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Validate, Refusals,
    testing::Values(
        Case{"no_address", [](O& o) { o.addresses.clear(); }, "no address"},
        Case{"multicast", [](O& o) { o.addresses[0].address = v4("224.0.0.1"); }, "unicast"},
        Case{"network", [](O& o) { o.addresses[0].address = v4("10.0.0.0"); }, "network's own"},
        Case{"broadcast", [](O& o) { o.addresses[0].address = v4("10.0.0.255"); }, "broadcast"},
        Case{"length_0", [](O& o) { o.addresses[0].prefix_length = 0; }, "1 to 32"},
        Case{"length_33", [](O& o) { o.addresses[0].prefix_length = 33; }, "1 to 32"},
        Case{"address_twice", [](O& o) { o.addresses.push_back(o.addresses[0]); }, "given twice"},
        Case{"vlan", [](O& o) { o.addresses[0].link.vlan = 4095; }, "VLAN 4095"},
        Case{"port",
             [](O& o) {
               o.addresses[0].link.port = 1;
               o.routes.clear();
             },
             "1 devices"},
        Case{"gateway_off_link", [](O& o) { o.routes[0].next_hop = v4("10.9.0.1"); }, "in no --address's prefix"},
        Case{"route_bits",
             [](O& o) {
               o.routes[0].prefix = v4("10.1.0.1");
               o.routes[0].prefix_length = 16;
             },
             "clear"},
        Case{"route_port", [](O& o) { o.routes[0].link = LinkId{.port = 0, .vlan = 7}; }, "has no address"},
        Case{"unknown_service", [](O& o) { o.listeners[0].service = "gopher"; }, "no service of this name"},
        Case{"tcp_port_0", [](O& o) { o.listeners[0].local.tcp_port = 0; }, "1 to 65535"},
        Case{"listens_elsewhere", [](O& o) { o.listeners[0].local.address = v4("10.0.0.3"); }, "not ours"},
        Case{"listens_twice", [](O& o) { o.listeners.push_back(o.listeners[0]); }, "given twice"},
        Case{"receive_buffer", [](O& o) { o.listeners[0].tcp.receive_buffer = 100; }, "100 bytes"},
        Case{"send_buffer", [](O& o) { o.listeners[0].tcp.send_buffer = 1U << 31; }, "2147483648 bytes"},
        Case{"keepalive_idle", [](O& o) { o.listeners[0].tcp.keepalive_idle = 99ms; }, "--keepalive_idle"},
        Case{"keepalive_interval", [](O& o) { o.active.keepalive_interval = 0s; }, "--keepalive_interval"},
        Case{"keepalive_probes", [](O& o) { o.active.keepalive_probes = 0; }, "--keepalive_probes"},
        Case{"tap_mtu", [](O& o) { o.mtu = 1501; }, "at most 1500"},
        Case{"small_mtu", [](O& o) { o.mtu = 575; }, "--mtu=575"},
        Case{"mac",
             [](O& o) {
               o.mac = MacAddress{{1, 0, 0, 0, 0, 0}};
             },
             "unicast MAC"},
        Case{"zero_mac", [](O& o) { o.mac = MacAddress{}; }, "unicast MAC"},
        Case{"time_wait", [](O& o) { o.time_wait = 1ms; }, "--time_wait"},
        Case{"drain", [](O& o) { o.drain = 601s; }, "--drain"},
        Case{"stats", [](O& o) { o.stats_interval = 50ms; }, "--stats"},
        Case{"workers", [](O& o) { o.workers = 2; }, "--workers=2"},
        Case{"connections", [](O& o) { o.limits.connections = 0; }, "--max_connections"},
        Case{"syn_queue", [](O& o) { o.limits.half_open = 15; }, "--syn_queue=15: give 16"},
        Case{"syn_queue_huge", [](O& o) { o.limits.half_open = 1U << 25; }, "--syn_queue"},
        Case{"accept_backlog", [](O& o) { o.listeners[0].accept_backlog = 0; }, "--accept_backlog=0: give"},
        Case{"accept_backlog_huge", [](O& o) { o.listeners[0].accept_backlog = 1U << 25; }, "--accept_backlog"},
        Case{"max_time_wait", [](O& o) { o.limits.time_wait = 0; }, "--max_time_wait=0"},
        Case{"max_time_wait_huge", [](O& o) { o.limits.time_wait = 1U << 25; }, "--max_time_wait"},
        Case{"synack_retries", [](O& o) { o.synack_retries = 9; }, "--synack_retries=9: give 0 to 8"},
        Case{"cookie_rotate", [](O& o) { o.syn.rotate = 999ms; }, "--cookie_rotate"},
        Case{"cookie_rotate_long", [](O& o) { o.syn.rotate = 61min; }, "--cookie_rotate"},
        Case{"cookie_idle", [](O& o) { o.syn.idle = 0s; }, "--cookie_idle"},
        Case{"cookie_idle_long", [](O& o) { o.syn.idle = 61min; }, "--cookie_idle"},
        Case{"key_file", [](O& o) { o.cookie_key_file = "/nonexistent/key"; },
             "--cookie_key_file=/nonexistent/key: cannot read"},
        Case{"key_file_with_seed",
             [](O& o) {
               o.devices = {"ring"};
               o.seed = 1;
               o.cookie_key_file = "/nonexistent/key";
             },
             "remove one of the two"},
        Case{"buffers", [](O& o) { o.buffers = 100; }, "packet buffers"},
        Case{"seed_on_tap", [](O& o) { o.seed = 1; }, "pcap or ring"},
        Case{"seed_with_eal",
             [](O& o) {
               o.devices = {"ring"};
               o.eal_arguments = {"-l", "0"};
               o.seed = 1;
             },
             "pcap or ring"},
        Case{"no_device", [](O& o) { o.devices.clear(); }, "no device"},
        Case{"unknown_device", [](O& o) { o.devices = {"tun:x"}; }, "unknown device"},
        Case{"long_name", [](O& o) { o.devices = {"tap:a234567890123456"}; }, "1 to 15"},
        Case{"comma_in_name", [](O& o) { o.devices = {"tap:a,mac=fixed"}; }, "1 to 15"},
        Case{"missing_capture", [](O& o) { o.devices = {"pcap:/nonexistent/x.pcap"}; }, "cannot read"},
        Case{"capture_is_directory", [](O& o) { o.devices = {"pcap:/"}; }, "is a directory"},
        Case{"memif_role", [](O& o) { o.devices = {"memif:/tmp/s,boss"}; }, "'client' or 'server'"}),
    [](const testing::TestParamInfo<Case>& each) { return std::string(each.param.name); });

TEST(Validate, ASlash31HasTwoHosts) {  // RFC 3021
  EndpointOptions options = good();
  options.routes.clear();
  options.addresses[0] = {.address = v4("10.0.0.0"), .prefix_length = 31, .link = {}};
  EXPECT_EQ(fault_of(options), "");
}

TEST(Validate, BothFamiliesTogetherPass) {
  EndpointOptions options = good();
  add_v6_route(options, "fd01::", 16, "fd00::1");
  options.addresses.push_back({.address = v6("fd00:1::"), .prefix_length = 127, .link = {}});  // RFC 6164
  options.addresses.push_back({.address = v6("fd00:2::7"), .prefix_length = 128, .link = {}});
  options.routes.push_back({.next_hop = v6("fd00::1"), .link = {}});
  options.routes.push_back({.prefix = v6("fd03::"), .prefix_length = 16, .next_hop = v6("fe80::1"), .link = LinkId{}});
  options.listeners.push_back({.local = {v6("fd00::2"), 80}, .service = "echo", .tcp = {}});
  options.mtu = 1280;
  EXPECT_EQ(fault_of(options), "");
}

TEST(Validate, SeedIsForRings) {
  EndpointOptions options = good();
  options.devices = {"ring", "ring"};
  options.seed = 1;
  EXPECT_EQ(fault_of(options), "");
}

TEST(Plan, Ipv6RoutesFindTheirLinkAndAGatewayItsFamily) {
  EndpointOptions options = good();
  options.addresses.push_back({.address = v6("fd00::2"), .prefix_length = 64, .link = {.port = 0, .vlan = 7}});
  options.routes.push_back({.next_hop = v6("fd00::1"), .link = {}});
  options.routes.push_back({.prefix = v6("fd01::"), .prefix_length = 16, .next_hop = v6("fd00::9"), .link = {}});
  options.listeners.push_back({.local = {v6("fd00::2"), 81}, .service = "echo", .tcp = {}});
  options.listeners.push_back({.local = {Ipv6Address{}, 82}, .service = "echo", .tcp = {}});
  const std::vector<PortFacts> ports = {{.mac = {{2, 0, 0, 0, 0, 1}}}};
  const ShardOptions made = shard_options(options, ports, 65536, 0);
  ASSERT_EQ(made.addresses.size(), 2U);
  EXPECT_EQ(made.addresses[1].address, IpAddress(v6("fd00::2")));
  EXPECT_EQ(made.addresses[1].prefix_length, 64);
  EXPECT_EQ(made.addresses[1].interface, 1);
  ASSERT_EQ(made.routes.size(), 3U);
  EXPECT_EQ(made.routes[0].prefix, IpAddress());
  EXPECT_EQ(made.routes[1].prefix, IpAddress(Ipv6Address{}));
  EXPECT_EQ(made.routes[1].interface, 1);
  EXPECT_EQ(made.routes[2].prefix, IpAddress(v6("fd01::")));
  EXPECT_EQ(made.routes[2].next_hop, IpAddress(v6("fd00::9")));
  EXPECT_EQ(made.listeners[1].address, IpAddress(v6("fd00::2")));
  EXPECT_EQ(made.listeners[2].address, IpAddress());  // any, of both families
}

// RFC 4861 7.2.2: where solicitations for our addresses go, each group once, each at its port.
TEST(Plan, APortJoinsTheGroupsOfItsIpv6Addresses) {
  EndpointOptions options = good();
  EXPECT_TRUE(groups_of(options, 0).empty());
  for (const char* address : {"fd00::12:3456", "fd01::12:3456", "fd00::2"}) {
    options.addresses.push_back({.address = v6(address), .prefix_length = 64, .link = {}});
  }
  options.addresses.push_back({.address = v6("fd00::3"), .prefix_length = 64, .link = {.port = 1, .vlan = 0}});
  EXPECT_EQ(groups_of(options, 0), (std::vector<MacAddress>{MacAddress{{0x33, 0x33, 0xff, 0x12, 0x34, 0x56}},
                                                            MacAddress{{0x33, 0x33, 0xff, 0, 0, 2}}}));
  EXPECT_EQ(groups_of(options, 1), (std::vector<MacAddress>{MacAddress{{0x33, 0x33, 0xff, 0, 0, 3}}}));
}

TEST(Plan, LinksBecomeInterfacesAndRoutesFindTheirs) {
  EndpointOptions options = good();
  options.addresses.push_back({.address = v4("10.1.0.2"), .prefix_length = 16, .link = {.port = 1, .vlan = 5}});
  options.addresses.push_back({.address = v4("10.2.0.2"), .prefix_length = 32, .link = {}});
  options.routes.push_back({.prefix = v4("172.16.0.0"), .prefix_length = 12, .next_hop = v4("10.1.9.9"), .link = {}});
  const std::vector<PortFacts> ports = {{.mac = {{2, 0, 0, 0, 0, 1}}},
                                        {.mac = {{2, 0, 0, 0, 0, 2}}, .tcp_checksum_offload = true}};
  const ShardOptions made = shard_options(options, ports, 65536, 0);
  ASSERT_EQ(made.interfaces.size(), 2U);
  EXPECT_EQ(made.interfaces[0].mac, ports[0].mac);
  EXPECT_EQ(made.interfaces[1].mac, ports[1].mac);
  EXPECT_EQ(made.interfaces[1].vlan, 5);
  EXPECT_TRUE(made.interfaces[1].tcp_checksum_offload);
  ASSERT_EQ(made.addresses.size(), 3U);
  EXPECT_EQ(made.addresses[1].interface, 1);
  EXPECT_EQ(made.addresses[2].interface, 0);
  ASSERT_EQ(made.routes.size(), 2U);
  EXPECT_EQ(made.routes[0].interface, 0);
  EXPECT_EQ(made.routes[1].interface, 1);
}

TEST(Plan, EachListenerHasItsOwnService) {
  EndpointOptions options = good();
  options.listeners.push_back({.local = {{}, 7}, .service = "echo", .tcp = {}});
  const ShardOptions made = shard_options(options, {{}}, 65536, 0);
  ASSERT_EQ(made.listeners.size(), 2U);
  EXPECT_EQ(made.listeners[0].service, 0);
  EXPECT_EQ(made.listeners[1].service, 1);
}

TEST(Plan, ShardsAreToldHowSynsAreAnswered) {
  EndpointOptions options = good();
  options.listeners.push_back({.local = {{}, 19}, .service = "echo", .server_first = true, .tcp = {}});
  options.limits.half_open = 100;
  options.limits.time_wait = 200;
  options.synack_retries = 5;
  options.synack_retransmit_rate = 7;
  options.syn = {.cookies = SynCookies::Always, .rotate = 40s, .require_timestamps = true, .idle = 3s};
  const ShardOptions made = shard_options(options, {{}}, 65536, 0);
  EXPECT_FALSE(made.listeners[0].server_first);
  EXPECT_TRUE(made.listeners[1].server_first);
  EXPECT_EQ(made.limits.half_open, 100U);
  EXPECT_EQ(made.limits.time_wait, 200U);
  EXPECT_EQ(made.synack_retries, 5);
  EXPECT_EQ(made.synack_retransmit_rate, 7U);
  EXPECT_EQ(made.syn.cookies, SynCookies::Always);
  EXPECT_EQ(made.syn.rotate, 40s);
  EXPECT_FALSE(made.syn.accept_always);
  EXPECT_TRUE(made.syn.require_timestamps);
  EXPECT_EQ(made.syn.idle, 3s);
}

TEST(Plan, TotalsAreSharedOut) {
  EndpointOptions options = good();
  options.workers = 3;
  options.listeners[0].accept_backlog = 100;
  options.limits.half_open = 99;
  const ShardOptions made = shard_options(options, {{}}, 65536, 2);
  EXPECT_EQ(made.listeners[0].accept_backlog, 34U);
  EXPECT_EQ(made.limits.half_open, 33U);
}

// The SYN may have gone to another host of the fleet.
TEST(Plan, AKeyFileImpliesThatStrayAcksAreAlwaysTried) {
  EndpointOptions options = good();
  options.cookie_key_file = "key";
  EXPECT_TRUE(shard_options(options, {{}}, 65536, 0).syn.accept_always);
  options.cookie_key_file.clear();
  options.syn.accept_always = true;
  EXPECT_TRUE(shard_options(options, {{}}, 65536, 0).syn.accept_always);
}

TEST(Plan, PayloadLeavesBuffersForTheQueues) {
  EXPECT_EQ(shard_options(good(), {{}}, 65536, 0).limits.held_buffers, 49152U);
  EXPECT_EQ(shard_options(good(), {{}}, 8192, 0).limits.held_buffers, 4096U);
}

TEST(Secrets, ASeedGivesTheSameAndTheKernelNever) {
  const ProcessSecrets one = make_secrets(7, 2);
  const ProcessSecrets same = make_secrets(7, 2);
  const ProcessSecrets other = make_secrets(8, 2);
  EXPECT_EQ(one.shards[0].isn_key, same.shards[0].isn_key);
  EXPECT_EQ(one.mac, same.mac);
  EXPECT_NE(one.shards[0].isn_key, other.shards[0].isn_key);
  EXPECT_EQ(one.cookie_master, same.cookie_master);
  EXPECT_NE(one.cookie_master, other.cookie_master);
  EXPECT_NE(make_secrets({}, 1).cookie_master, make_secrets({}, 1).cookie_master);
  EXPECT_NE(make_secrets({}, 1).shards[0].isn_key, make_secrets({}, 1).shards[0].isn_key);
}

// Hosts of one fleet: equal where a cookie is opened, and nowhere else.
TEST(Secrets, AMasterKeyFixesWhatAFleetShares) {
  ProcessSecrets one = make_secrets({}, 2);
  ProcessSecrets other = make_secrets({}, 1);
  share_secrets(one, MasterKey{1, 2});
  share_secrets(other, MasterKey{1, 2});
  EXPECT_EQ(one.cookie_master, other.cookie_master);
  EXPECT_EQ(one.shards[0].flow_key, other.shards[0].flow_key);
  EXPECT_EQ(one.shards[0].flow_key, one.shards[1].flow_key);
  EXPECT_NE(one.shards[0].isn_key, other.shards[0].isn_key);
  share_secrets(other, MasterKey{1, 3});
  EXPECT_NE(one.shards[0].flow_key, other.shards[0].flow_key);
  EXPECT_NE(flow_key(MasterKey{1, 2}), cookie_key(MasterKey{1, 2}, 0));
}

TEST(Secrets, ShardsShareWhatTheyMustAndNothingElse) {
  const ProcessSecrets made = make_secrets(7, 2);
  EXPECT_EQ(made.shards[0].isn_key, made.shards[1].isn_key);
  EXPECT_EQ(made.shards[0].flow_key, made.shards[1].flow_key);
  EXPECT_EQ(made.shards[0].toeplitz_key, made.shards[1].toeplitz_key);
  EXPECT_NE(made.shards[0].random_seed, made.shards[1].random_seed);
  EXPECT_FALSE(made.mac.is_multicast());
  EXPECT_EQ(made.mac.octets[0] & 2, 2);
}

}  // namespace
}  // namespace levee::runtime
