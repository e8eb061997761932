# shellcheck shell=bash
# A Linux client behind a router, for what happens on the way. Sourced after lib.sh.
#
#   client 10.8.0.1/24, fd00:8::1/64 <-veth-> NS, the router, 10.8.0.254, fd00:8::ff <-tap0-> levee, gateways 10.7.0.1, fd00:7::1
#
# With a narrow link the client's own router stands between, so that each direction meets the link in somebody else's way:
#
#   client <-veth, 1500-> middle 10.9.0.1, fd00:9::1 <-veth, narrow-> NS 10.9.0.254, fd00:9::ff <-tap0-> levee
#
# Segmentation offloads are off: a drop would otherwise take a packet of 64 KB, and a frame would not be what was sent.

CLIENT=$NS-c MIDDLE=$NS-m
client() { ip netns exec "$CLIENT" "$@"; }
GATEWAYS=10.7.0.1$( ((${#HOSTS[@]} > 1)) && echo ,fd00:7::1)

# join NAMESPACE INTERFACE NAMESPACE INTERFACE MTU
join() {
  local i
  ip link add "$2" netns "$1" type veth peer name "$4" netns "$3" || fail "no veth pair"
  for i in 1 3; do
    ip netns exec "${!i}" ethtool -K "${@:i+1:1}" tso off gso off gro off >/dev/null || fail "offloads cannot be switched off"
    ip -n "${!i}" link set "${@:i+1:1}" mtu "$5" up
    give "${!i}" "${@:i+1:1}" "fe80::$i/64"
  done
}
# give NAMESPACE INTERFACE ADDRESS...: those of a family that there is.
give() {
  local address
  for address in "${@:3}"; do
    [[ $address == *:* && ${#HOSTS[@]} == 1 ]] && continue
    ip -n "$1" addr add "$address" dev "$2" || fail "$address cannot be given to $2"
  done
}
# route NAMESPACE PREFIX HOP PREFIX6 HOP6
route() {
  ip -n "$1" route add "$2" via "$3" || fail "no route to $2"
  ((${#HOSTS[@]} == 1)) || ip -n "$1" route add "$4" via "$5" || fail "no route to $4"
}
forwards() {  # NAMESPACE
  ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=1
  ((${#HOSTS[@]} == 1)) || ip netns exec "$1" sysctl -qw net.ipv6.conf.all.forwarding=1
}

add_client() {
  add_namespace "$CLIENT"
  join "$CLIENT" veth0 "$NS" veth1 1500
  give "$CLIENT" veth0 10.8.0.1/24 fd00:8::1/64
  give "$NS" veth1 10.8.0.254/24 fd00:8::ff/64
  route "$CLIENT" default 10.8.0.254 default fd00:8::ff
  forwards "$NS"
}
add_client_behind_narrow_link() {  # MTU
  add_namespace "$CLIENT"
  add_namespace "$MIDDLE"
  join "$CLIENT" veth0 "$MIDDLE" veth1 1500
  join "$MIDDLE" veth2 "$NS" veth3 "$1"
  give "$CLIENT" veth0 10.8.0.1/24 fd00:8::1/64
  give "$MIDDLE" veth1 10.8.0.254/24 fd00:8::ff/64
  give "$MIDDLE" veth2 10.9.0.1/24 fd00:9::1/64
  give "$NS" veth3 10.9.0.254/24 fd00:9::ff/64
  route "$CLIENT" default 10.8.0.254 default fd00:8::ff
  route "$MIDDLE" 10.7.0.0/24 10.9.0.254 fd00:7::/64 fd00:9::ff
  route "$NS" 10.8.0.0/24 10.9.0.1 fd00:8::/64 fd00:9::1
  forwards "$MIDDLE"
  forwards "$NS"
}
# Both families reach levee through the router.
expect_way() {
  local host
  for host in "${HOSTS[@]}"; do
    until_true 15 client ping -c 1 -W 1 "$host" || fail "the client does not reach $host"
  done
}
