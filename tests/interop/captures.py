"""Captures for pcap.sh, made and looked at with the standard library only.

usage: captures.py write-syn OUT | write-conversation ANSWER OUT | check-conversation ANSWER | same-frames A B |
       write-garbage OUT | check-garbage ANSWER TOTALS

The recorded peer is 10.0.0.1 (02:00:00:00:00:01), levee is 10.0.0.2 (02:00:00:00:00:02).
"""

import json
import random
import struct
import sys
from collections import Counter

PEER_MAC, LEVEE_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
PEER, LEVEE = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
IRS = 1000
WORDS = b"hello, levee"


# --- bytes ---
def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(ether_type, payload, to=LEVEE_MAC):
    return to + PEER_MAC + struct.pack("!H", ether_type) + payload


def arp(target=LEVEE, hardware=1):
    return ethernet(0x0806, struct.pack("!HHBBH6s4s6s4s", hardware, 0x0800, 6, 4, 1, PEER_MAC, PEER, bytes(6), target),
                    b"\xff" * 6)


def ipv4(protocol, payload, source=PEER, destination=LEVEE, version_ihl=0x45, total=None, fragment=0, spoil=0):
    total = 20 + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", version_ihl, 0, total, 1, fragment, 64, protocol, 0, source, destination)
    head = head[:10] + struct.pack("!H", checksum(head) ^ spoil) + head[12:]
    return ethernet(0x0800, head + payload)


def icmp(kind, spoil=0):
    text = struct.pack("!BBHHH", kind, 0, 0, 7, 1) + b"0123456789"
    return ipv4(1, text[:2] + struct.pack("!H", checksum(text) ^ spoil) + text[4:])


def tcp(flags, seq=0, ack=0, data=b"", port=40000, to=7, options=b"", offset=None, spoil=0, **ip):
    options += b"\0" * (-len(options) % 4)
    offset = 5 + len(options) // 4 if offset is None else offset
    text = struct.pack("!HHIIBBHHH", port, to, seq, ack, offset << 4, flags, 65535, 0, 0) + options + data
    pseudo = ip.get("source", PEER) + ip.get("destination", LEVEE) + struct.pack("!BBH", 0, 6, len(text))
    return ipv4(6, text[:16] + struct.pack("!H", checksum(pseudo + text) ^ spoil) + text[18:], **ip)


# --- files ---
def write(path, frames):
    """Frames, ten milliseconds apart from a fixed instant on."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            milliseconds = 10 * i
            out.write(struct.pack("<IIII", 1_700_000_000 + milliseconds // 1000, milliseconds % 1000 * 1000, len(frame),
                                  len(frame)) + frame)


def read(path):
    data = open(path, "rb").read()
    assert struct.unpack_from("<I", data)[0] in (0xA1B2C3D4, 0xA1B23C4D), f"{path} is not a capture"
    at, frames = 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return frames


class Segment:
    """A TCP segment that levee sent; its checksums have been verified."""

    def __init__(self, frame):
        ip = frame[14 : 14 + struct.unpack_from("!H", frame, 16)[0]]
        header = (ip[0] & 15) * 4
        text = ip[header:]
        assert checksum(ip[:header]) == 0, "bad IP checksum sent"
        assert checksum(ip[12:20] + struct.pack("!BBH", 0, 6, len(text)) + text) == 0, "bad TCP checksum sent"
        self.source, self.to, self.seq, self.ack, offset, self.flags = struct.unpack_from("!HHIIBB", text)
        self.data = text[(offset >> 4) * 4 :]


def segments(frames):
    return [Segment(f) for f in frames if f[12:14] == b"\x08\x00" and f[23] == 6]


# --- a conversation with echo (RFC 862) ---
def opening():
    return [arp(), tcp(SYN, IRS, options=bytes.fromhex("020405b4"))]


def conversation(answer):
    """The whole recorded side, for the ISS that levee chose when it saw only the SYN: same seed, same time, same ISS."""
    iss = next(s.seq for s in segments(read(answer)) if s.flags == SYN | ACK)
    mine, theirs = (IRS + 1 + len(WORDS)) & 0xFFFFFFFF, (iss + 1 + len(WORDS)) & 0xFFFFFFFF
    return opening() + [
        tcp(ACK, IRS + 1, (iss + 1) & 0xFFFFFFFF),
        tcp(ACK | PSH, IRS + 1, (iss + 1) & 0xFFFFFFFF, WORDS),
        tcp(ACK, mine, theirs),
        tcp(ACK | FIN, mine, theirs),
        tcp(ACK, (mine + 1) & 0xFFFFFFFF, (theirs + 1) & 0xFFFFFFFF),
    ]


def check_conversation(answer):
    sent = segments(read(answer))
    iss = next(s.seq for s in sent if s.flags == SYN | ACK)
    assert [s.ack for s in sent if s.flags == SYN | ACK] == [IRS + 1], "SYN-ACK"
    assert b"".join(s.data for s in sent) == WORDS, "echo"
    fins = [s for s in sent if s.flags & FIN]
    assert len(fins) == 1 and fins[0].seq + len(fins[0].data) == iss + 1 + len(WORDS), "FIN"
    assert sent[-1].ack == IRS + 1 + len(WORDS) + 1, "the peer's FIN is acknowledged"
    assert not any(s.flags & RST for s in sent), "RST"


# --- garbage ---
def garbage():
    """[(frame, drop reasons of which one must be counted; None where it is delivered)]."""
    generator = random.Random(793)
    rows = [
        (b"", "too_short"),
        (LEVEE_MAC, "too_short"),
        (LEVEE_MAC + PEER_MAC + b"\x08", "too_short"),
        (ethernet(0x0800, b""), "too_short"),
        (ethernet(0x0800, bytes([0x45]) + bytes(10)), "too_short"),
        (ethernet(0x0806, bytes(10)), "too_short"),
        (ethernet(0x1234, bytes(46)), "unknown_ether_type"),
        (ethernet(0x0800, bytes(46), to=bytes.fromhex("020000000099")), "not_for_us"),
        (ethernet(0x8100, struct.pack("!HH", 5, 0x0800) + bytes(46)), "unknown_vlan"),
        (arp(hardware=9), "bad_arp"),
        (arp(target=bytes([10, 0, 0, 77])), "arp_not_for_us"),
        (ipv4(6, bytes(20), version_ihl=0x55), "bad_ip_header"),
        (ipv4(6, bytes(20), version_ihl=0x44), "bad_ip_header"),
        (ipv4(6, bytes(20), version_ihl=0x4F), "bad_ip_header"),
        (ipv4(6, bytes(20), total=1000), "bad_ip_header"),
        (ipv4(6, bytes(20), total=10), "bad_ip_header"),
        (tcp(SYN, spoil=0, port=40001)[:-1] + b"x", "bad_tcp_checksum"),
        (tcp(SYN, source=bytes([10, 0, 0, 1]))[:40], "bad_ip_header"),
        (ipv4(6, bytes(20), spoil=1), "bad_ip_checksum"),
        (ipv4(6, bytes(20), fragment=0x2000), "fragment"),
        (ipv4(6, bytes(20), fragment=0x0010), "fragment"),
        (tcp(SYN, destination=bytes([10, 0, 0, 9])), "unknown_destination"),
        (tcp(SYN, source=bytes([255, 255, 255, 255])), "bad_source"),
        (tcp(SYN, source=bytes([127, 0, 0, 1])), "bad_source"),
        (tcp(SYN, source=bytes([224, 0, 0, 1])), "bad_source"),
        (tcp(SYN, source=LEVEE), "bad_source"),
        (ipv4(17, bytes(20)), "unknown_protocol"),
        (icmp(8, spoil=1), "bad_icmp_checksum"),
        (icmp(13), "unhandled_icmp"),
        (ipv4(6, bytes(12)), "bad_tcp_header"),
        (tcp(SYN, offset=4), "bad_tcp_header"),
        (tcp(SYN, offset=15), "bad_tcp_header"),
        (tcp(SYN, spoil=1), "bad_tcp_checksum"),
        (tcp(SYN, port=0), "tcp_port_zero"),
        (tcp(SYN, to=0), "tcp_port_zero"),
        (tcp(SYN | FIN), "bad_tcp_flags"),
        (tcp(SYN | RST), "bad_tcp_flags"),
        (tcp(0), "bad_tcp_flags"),
        (tcp(RST, 5, port=40002), "no_connection"),
        (tcp(RST | ACK, 5, 6, port=40002), "no_connection"),
        # Answered: what an RFC asks for, and nothing else is.
        (arp(), None),                                                # RFC 826
        (icmp(8), None),                                              # RFC 1122 3.2.2.6
        (tcp(SYN, 77, port=40003, to=81), "no_listener"),             # RST, RFC 9293 3.10.7.1
        (tcp(ACK, 77, 1234, port=40004), "no_connection"),            # RST, RFC 9293 3.5.2
        # Options that overrun the header, or have no length to speak of, end there; the SYN itself is good.
        (tcp(SYN, 9, port=40005, options=bytes.fromhex("01010220")), None),
        (tcp(SYN, 9, port=40006, options=bytes.fromhex("02000000")), None),
        (tcp(SYN, 9, port=40007, options=bytes.fromhex("0101010802040514")), None),
    ]
    for _ in range(300):
        body = generator.randbytes(generator.randrange(0, 1500))
        head = generator.choice([b"", LEVEE_MAC + PEER_MAC, LEVEE_MAC + PEER_MAC + b"\x08\x00",
                                 LEVEE_MAC + PEER_MAC + b"\x08\x00\x45", LEVEE_MAC + PEER_MAC + b"\x08\x06"])
        rows.append((head + body, "any"))
    for length in range(0, 58, 3):
        rows.append((tcp(SYN, port=40008, options=bytes.fromhex("020405b4"))[:length], "any"))
    return rows


def check_garbage(answer, totals_path):
    rows = garbage()
    totals = json.loads(open(totals_path, encoding="utf-8").read().splitlines()[-1])
    drops, counters = totals["drops"], totals["counters"]
    wanted = Counter(reason for _, reason in rows if reason not in (None, "any"))
    short = {r: (n, drops.get(r, 0)) for r, n in wanted.items() if drops.get(r, 0) < n}
    assert not short, f"(expected at least, counted): {short}"
    assert counters["FramesReceived"] == len(rows), f"{counters['FramesReceived']} of {len(rows)} frames were counted"
    assert counters["FramesReceived"] == counters.get("FramesDelivered", 0) + sum(drops.values()), "frames unaccounted for"

    frames = read(answer)
    answers = segments(frames)
    resets = sorted((s.to, s.seq, s.ack, s.flags) for s in answers if s.flags & RST)
    assert resets == [(40003, 0, 78, RST | ACK), (40004, 1234, 0, RST)], f"RSTs: {resets}"
    others = {s.to for s in answers if not s.flags & RST}
    assert others == {40005, 40006, 40007}, f"segments to {others}"
    assert all(s.flags == SYN | ACK and s.ack == 10 for s in answers if not s.flags & RST), "not only SYN-ACKs"
    rest = [f for f in frames if not (f[12:14] == b"\x08\x00" and f[23] == 6)]
    kinds = Counter("arp" if f[12:14] == b"\x08\x06" else f"icmp {f[34]}" for f in rest)
    assert kinds == {"arp": 1, "icmp 0": 1}, f"other answers: {kinds}"
    print(f"-- {len(rows)} frames of garbage: {len(drops)} reasons counted, {len(frames)} answers, each from an RFC")


def main():
    command, *paths = sys.argv[1:]
    if command == "write-syn":
        write(paths[0], opening())
    elif command == "write-conversation":
        write(paths[1], conversation(paths[0]))
    elif command == "check-conversation":
        check_conversation(paths[0])
    elif command == "same-frames":
        assert read(paths[0]) == read(paths[1]) and read(paths[0]), "the frames differ, or there are none"
    elif command == "write-garbage":
        write(paths[0], [frame for frame, _ in garbage()])
    elif command == "check-garbage":
        check_garbage(*paths)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
