#!/bin/bash
# virtio: levee as the driver of a virtio-user device whose vhost side is another process, as a virtual switch would be.
# testpmd joins the vhost device to a TAP and is started first, because it owns the socket.
#
#   curl -> tap0 -> testpmd (net_tap0 | net_vhost0) -> socket -> levee (virtio_user0)
source "$(dirname "$0")/lib.sh"
need dpdk-testpmd curl
need_tap
prefix=levee-vhost-$$
LEFTOVERS+=("/var/run/dpdk/$prefix" "/var/run/dpdk/levee-virtio-$$")  # EAL leaves its run directory behind
mkfifo "$WORK/stdin"
# testpmd quits at the end of its input: the FIFO is kept open. Its two lcores share the first CPU.
becomes_inside dpdk-testpmd --lcores 0@0,1@0 --no-huge -m 256 --no-pci --no-telemetry --file-prefix="$prefix" \
  --vdev="net_vhost0,iface=$WORK/vhost.sock,queues=1" --vdev=net_tap0,iface=tap0 -- \
  --total-num-mbufs=8192 -i --forward-mode=io --auto-start <"$WORK/stdin" >"$WORK/testpmd.log" 2>&1 &
testpmd_pid=$!
PIDS+=("$testpmd_pid")
exec 9>"$WORK/stdin"
until_true 30 test -S "$WORK/vhost.sock" || fail "testpmd made no socket: $(tail -n 5 "$WORK/testpmd.log")"

launch_levee --no-huge -m 512 --no-pci --no-telemetry --no-shconf --file-prefix="levee-virtio-$$" \
  --vdev="virtio_user0,path=$WORK/vhost.sock,mac=02:00:00:00:00:02" -- \
  --address=$HOST/24 --listen=80/http,7/echo
inside ip addr add 10.7.0.1/24 dev tap0 && inside ip link set tap0 up || fail "tap0 cannot be configured"
until_true 30 inside ping -c 1 -W 1 $HOST || fail "no ping through virtio"
inside timeout 20 curl -sS --fail -o "$WORK/page" "http://$HOST/" || fail "no page through virtio"
grep -qi '<html' "$WORK/page" || fail "the page has no <html>"
random_file "$WORK/words" 1000000
inside timeout 60 nc -N $HOST 7 <"$WORK/words" >"$WORK/back" || fail "echo through virtio"
same "$WORK/words" "$WORK/back" "echo through virtio"
stop_clean
log "page and 1 MB of echo through virtio"

echo quit >&9
exec 9>&-
until_true 20 gone "$testpmd_pid" || fail "testpmd does not quit"
log "passed"
