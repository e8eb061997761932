"""The figures of memif_rate.sh: one JSON object a line for each half of a round, and what they say together.

usage: memif_rate.py add levee|5tswap ROUNDS SENDER_JSON WAITED_NS LOG
       memif_rate.py report ROUNDS [--smoke]

A round counts if neither side had to wait for its core for more than 2 % of the time. The rates' ratio is valid only if
98 % of levee's polls brought frames; else the sender was the limit, and busy cycles per packet can be compared instead.
"""

import json
import re
import statistics
import sys

MOST_WAITED = 0.02
LEAST_NOT_EMPTY = 0.98
LEAST_ROUNDS = 9
BURST = 64  # of levee's worker: frames that one poll brings at most


def flooded(lines):
    """Counters of levee between the first and the last look that lay within the flood."""
    looks = [line["counters"] for line in lines if not line["totals"]]
    frames = [look.get("FramesReceived", 0) for look in looks]
    busy = [i for i in range(1, len(looks)) if frames[i] > frames[i - 1]]
    # The first and the last interval have seen only a part of it.
    if len(busy) < 3:
        raise SystemExit(f"the flood was too short for levee's figures: {frames}")
    first, last = looks[busy[0]], looks[busy[-1] - 1]
    return {name: last[name] - first.get(name, 0) for name in last}


def levee(sender, log):
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    during, totals = flooded(lines), lines[-1]["counters"]
    if sender["checked"] == 0 or sender["wrong"] != 0:
        raise SystemExit(f"of {sender['checked']} replies {sender['wrong']} were wrong: {sender['fault']}")
    if not totals["SyncookiesSent"] == totals["SynsReceived"] == totals["FramesReceived"]:
        raise SystemExit(f"not every SYN was answered by cookie: {totals}")
    if totals["FramesSent"] - totals.get("DeviceDropped", 0) < sender["received"]:
        raise SystemExit(f"more replies arrived than were sent: {sender}, {totals}")
    if not during["FramesReceived"] / BURST <= during["PollsWithFrames"] <= during["Polls"]:
        raise SystemExit(f"polls do not add up: {during}")
    if not 0 < during["BusyNanoseconds"] < totals["BusyNanoseconds"] < lines[-1]["seconds"] * 1e9:
        raise SystemExit(f"more time was busy than there was: {lines[-1]}")
    # The first look was before the flood: nothing but empty polls, and none of that time was busy.
    idle = lines[0]["counters"]
    if idle.get("PollsWithFrames", 0) != 0 or idle["BusyNanoseconds"] > lines[0]["seconds"] * 1e9 / 2:
        raise SystemExit(f"an idle worker was busy: {idle}")
    return {
        "not_empty": during["PollsWithFrames"] / during["Polls"],
        "cycles": during["BusyNanoseconds"] * sender["tsc_hz"] / 1e9 / during["FramesReceived"],
        "not_sent": during.get("DeviceDropped", 0) / during["FramesSent"],
    }


def testpmd(_sender, log):
    cycles = re.findall(r"CPU cycles/packet=([\d.]+)", log)
    if not cycles:
        raise SystemExit("testpmd told no cycles: " + log[-2000:])
    return {"cycles": float(cycles[-1])}


def add(who, rounds, sender_path, waited, log_path):
    with open(sender_path, encoding="utf-8") as file:
        sender = json.load(file)
    with open(log_path, encoding="utf-8", errors="replace") as file:
        log = file.read()
    figures = {"who": who, **(levee if who == "levee" else testpmd)(sender, log)}
    figures.update(rate=sender["received_per_second"], offered=sender["sent_per_second"],
                   waited=max(int(waited), sender["waited_ns"]) / 1e9 / sender["seconds"])
    with open(rounds, "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


def spread(values, form):
    """min / median / max"""
    values = list(values)
    return " / ".join(format(v, form) for v in (min(values), statistics.median(values), max(values)))


def report(path, smoke):
    with open(path, encoding="utf-8") as file:
        halves = [json.loads(line) for line in file]
    pairs = [{h["who"]: h for h in halves[i:i + 2]} for i in range(0, len(halves), 2)]
    quiet = [p for p in pairs if smoke or max(h["waited"] for h in p.values()) <= MOST_WAITED]
    if smoke:
        print("A smoke: the figures below mean nothing.")
    print(f"{len(quiet)} of {len(pairs)} rounds count (the others waited for their cores); min / median / max:")
    if not quiet:
        return 1
    for who in ("levee", "5tswap"):
        print(f"  {who:6}  {spread((p[who]['rate'] / 1e6 for p in quiet), '.3f')} M/s back,"
              f" {spread((p[who]['cycles'] for p in quiet), '.0f')} busy cycles a packet")
    not_empty = [p["levee"]["not_empty"] for p in quiet]
    print(f"  levee's polls that brought frames: {spread(not_empty, '.4f')};"
          f" replies that found the ring full: {spread((p['levee']['not_sent'] for p in quiet), '.4f')}")
    if statistics.median(not_empty) >= LEAST_NOT_EMPTY:
        ratios = [p["levee"]["rate"] / p["5tswap"]["rate"] for p in quiet]
        print(f"  SYN-ACKs a second, levee to 5tswap: {spread(ratios, '.3f')} (must be 0.7, aim 0.9)")
    else:
        ratios = [p["5tswap"]["cycles"] / p["levee"]["cycles"] for p in quiet]
        print(f"  generator-bound; busy cycles a packet, 5tswap to levee: {spread(ratios, '.3f')}")
    if not smoke and len(quiet) < LEAST_ROUNDS:
        print(f"  void: {LEAST_ROUNDS} rounds have to count")
        return 1
    return 0


def main():
    kind, *rest = sys.argv[1:]
    if kind == "report":
        return report(rest[0], "--smoke" in rest)
    add(*rest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
