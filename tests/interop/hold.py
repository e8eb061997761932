"""A wire between two interfaces that makes both ends close at the same time: the first FIN of each side waits until the
other's is there, too, and whatever its sender says meanwhile waits behind it. Everything else passes at once, and from
then on everything. Ends when it is told to.

usage: hold.py INTERFACE INTERFACE PORT    (the FINs of other TCP ports pass, too)
"""

import select
import socket
import struct
import sys

FIN = 1
OUTGOING = 4  # linux/if_packet.h: PACKET_OUTGOING, our own frames seen again


def open_interface(name):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    wire.bind((name, 0))
    return wire


def is_fin(frame, port):
    """Of TCP over either family, without IP options or extension headers."""
    kind, = struct.unpack_from("!H", frame, 12)
    start, protocol = (34, 23) if kind == 0x0800 else (54, 20)
    if kind not in (0x0800, 0x86DD) or len(frame) < start + 20 or frame[protocol] != socket.IPPROTO_TCP:
        return False
    return bool(frame[start + 13] & FIN) and port in struct.unpack_from("!HH", frame, start)


def main():
    wires = [open_interface(name) for name in sys.argv[1:3]]
    port = int(sys.argv[3])
    held = {wire: [] for wire in wires}
    met = False
    print("ready", flush=True)
    while True:
        for wire in select.select(wires, [], [])[0]:
            frame, address = wire.recvfrom(65536)
            if address[2] == OUTGOING:
                continue
            if met or not (held[wire] or is_fin(frame, port)):
                wires[1 - wires.index(wire)].send(frame)
                continue
            held[wire].append(frame)
            met = all(held.values())
            if met:
                for source, target in zip(wires, reversed(wires)):
                    for waiting in held[source]:
                        target.send(waiting)


if __name__ == "__main__":
    main()
