"""docs/counters.md says of every counter what the program says of it.

usage: counters.py [--write] COUNTER_ROWS SOURCE_ROOT

COUNTER_ROWS is the program built from counter_rows.cc. `--write` regenerates the page.
"""

import difflib
import subprocess
import sys
from pathlib import Path

KINDS = {
    "drop": ("Drops", "Why a received frame, or a segment in it, was not used. Every frame received is either delivered\n"
             "or counted under one of these, so `FramesReceived` = `FramesDelivered` + the sum of this table."),
    "counter": ("Counters", "What was done. Where Linux has the counter, it has Linux's name (`nstat -az`)."),
}
HEAD = """# Counters

Packets are counted, never logged. Every figure below exists once per shard, is written by that shard's worker only, and
is summed for the reader: by the status page, by `/stats.json`, by `--stats` and by the totals at exit.

This page is generated from the tables behind `levee::describe` by `tests/guards/counters.py --write`; a test compares
the two.
"""


def parse(rows):
    """{kind: [(name, sentence)]} from lines of kind, name and sentence; ValueError if they are not fit to be printed."""
    tables = {kind: [] for kind in KINDS}
    for line in rows.splitlines():
        kind, name, sentence = line.split("\t")
        if kind not in tables:
            raise ValueError(f"unknown kind of counter: {kind}")
        if not name or any(name == known for known, _ in tables[kind]):
            raise ValueError(f"{kind} has no name of its own: {line!r}")
        if not sentence.endswith("."):
            raise ValueError(f"{name} is not described by a sentence: {sentence!r}")
        tables[kind].append((name, sentence))
    if not any(tables.values()):
        raise ValueError("there are no counters")
    return tables


def page(tables):
    """The whole page."""
    parts = [HEAD]
    for kind, (title, text) in KINDS.items():
        rows = "".join(f"| `{name}` | {sentence} |\n" for name, sentence in tables[kind])
        parts.append(f"\n## {title}\n\n{text}\n\n| name | meaning |\n|---|---|\n{rows}")
    return "".join(parts)


def differences(found, wanted):
    """Lines of a diff, empty if the page is right."""
    return list(difflib.unified_diff(found.splitlines(), wanted.splitlines(), "docs/counters.md", "the tables",
                                     lineterm="", n=0))


def main():
    arguments = sys.argv[1:]
    write = "--write" in arguments
    program, root = (a for a in arguments if a != "--write")
    rows = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    wanted, path = page(parse(rows)), Path(root) / "docs" / "counters.md"
    if write:
        path.write_text(wanted, encoding="utf-8")
    lines = differences(path.read_text(encoding="utf-8") if path.exists() else "", wanted)
    if lines:
        print("\n".join(lines))
        print("docs/counters.md is not what the tables say; run tests/guards/counters.py --write")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
