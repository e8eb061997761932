"""The figures of linux_cookies.sh: one JSON object a line for each flood, and what they say together.

usage: linux_cookies.py add-linux ROUNDS SENDER_JSON tcp|drop|back RATE BEFORE AFTER
       linux_cookies.py add-levee ROUNDS SENDER_JSON WAITED_NS LEVEE_LOG
       linux_cookies.py report ROUNDS [--smoke]

BEFORE and AFTER are the number of frames handled and the core's line of /proc/stat.
"""

import json
import os
import statistics
import sys

import memif_rate

TICK_NS = 1e9 / os.sysconf("SC_CLK_TCK")
SOFTIRQ, IDLE, IOWAIT = 7, 4, 5  # fields of a core's line, its name being 0
KINDS = {"tcp": "SYN-ACK by cookie", "drop": "veth, received and dropped", "back": "veth, received and sent back"}


def linux(sender, kind, rate, before, after):
    handled = [int(text.split()[0]) for text in (before, after)]
    fields = [text.split()[1:] for text in (before, after)]
    ticks = [int(late) - int(early) for early, late in zip(fields[0][1:], fields[1][1:])]
    frames = handled[1] - handled[0]
    if frames <= 0:
        raise SystemExit(f"Linux handled no frame ({kind}): {before} {after}")
    if kind == "tcp" and (sender["checked"] == 0 or sender["wrong"] != 0):
        raise SystemExit(f"of {sender['checked']} replies {sender['wrong']} were wrong: {sender['fault']}")
    softirq = ticks[SOFTIRQ - 1]
    other = sum(ticks[:8]) - softirq - ticks[IDLE - 1] - ticks[IOWAIT - 1]
    return {"who": kind, "rate": int(rate), "frames": frames, "a_second": frames / sender["seconds"],
            "ns": softirq * TICK_NS / frames, "other": other / max(sum(ticks[:8]), 1)}


def levee(sender, waited, log_path):
    with open(log_path, encoding="utf-8") as file:
        log = file.read()
    cycles = memif_rate.levee(sender, log)
    return {"who": "levee", "a_second": sender["received_per_second"], "not_empty": cycles["not_empty"],
            "ns": cycles["cycles"] / sender["tsc_hz"] * 1e9, "other": int(waited) / 1e9 / sender["seconds"]}


def line(who, rate, runs):
    ns = memif_rate.spread((r["ns"] for r in runs), ".0f")
    rates = memif_rate.spread((r["a_second"] / 1e3 for r in runs), ".0f")
    print(f"  {who:30} {rate:>9}  {ns:>22} ns  {rates:>22} k/s")


def report(path, smoke):
    with open(path, encoding="utf-8") as file:
        runs = [json.loads(text) for text in file]
    noisy = max(r["other"] for r in runs)
    if smoke:
        print("A smoke: the figures below mean nothing.")
    print("Cost a frame on the server's core, min / median / max, and frames a second:")
    medians = {}
    for rate in sorted({r["rate"] for r in runs if "rate" in r}, key=lambda r: r or float("inf")):
        for kind, title in KINDS.items():
            same = [r for r in runs if r["who"] == kind and r["rate"] == rate]
            medians[kind, rate] = statistics.median(r["ns"] for r in same)
            line("Linux: " + title, f"{rate / 1e3:.0f} k/s" if rate else "all", same)
    ours = [r for r in runs if r["who"] == "levee"]
    line("levee: SYN-ACK by cookie, memif", "all", ours)
    our_ns = statistics.median(r["ns"] for r in ours)
    best = min((rate for kind, rate in medians if kind == "tcp"), key=lambda rate: medians["tcp", rate])
    total, back = medians["tcp", best], medians["back", best]
    if our_ns > 0:
        print(f"  Linux's best to levee: {total / our_ns:.1f} x (must be 6, aim 12); without what its veth costs"
              f" ({back:.0f} ns both ways, {medians['drop', best]:.0f} ns receiving): {(total - back) / our_ns:.1f} x")
    print(f"  levee's polls that brought frames: {memif_rate.spread((r['not_empty'] for r in ours), '.4f')};"
          " its cost is the time of those, all of its loop included")
    if noisy > memif_rate.MOST_WAITED and not smoke:
        print(f"  void: up to {noisy:.0%} of the core's time went to others")
        return 1
    return 0


def main():
    kind, path, *rest = sys.argv[1:]
    if kind == "report":
        return report(path, "--smoke" in rest)
    with open(rest[0], encoding="utf-8") as file:
        sender = json.load(file)
    figures = linux(sender, *rest[1:]) if kind == "add-linux" else levee(sender, *rest[1:])
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
