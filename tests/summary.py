"""Counts what Meson ran, says what failed and what was skipped and why, and ends with the closing line.

usage: summary.py TESTLOG_JSON MESON_EXIT_CODE

A GoogleTest program counts as its cases; any other program is one test. A program that ended badly without a failed case
(a crash, a leak, a time-out) counts as one failure more.
"""

import json
import re
import sys
from pathlib import Path

GTEST = re.compile(r"^\[==========\] (\d+) tests? from \d+ test suites? ran", re.MULTILINE)
RAN = {key: re.compile(rf"^\[  ?{word} *\] (\d+) tests?", re.MULTILINE)
       for key, word in (("passed", "PASSED"), ("failed", "FAILED"), ("skipped", "SKIPPED"))}
REASON = re.compile(r"^skipped: (.*)", re.MULTILINE)


def cases(output, key):
    found = RAN[key].findall(output)
    return int(found[-1]) if found else 0


def count(result, output):
    """(passed, failed, skipped) of one program, from Meson's verdict and from what the program printed."""
    good, skipped = result == "OK", result == "SKIP"
    if skipped:
        return 0, 0, 1
    if not GTEST.search(output):
        return (1, 0, 0) if good else (0, 1, 0)
    failed = cases(output, "failed")
    return cases(output, "passed"), failed if good or failed else 1, cases(output, "skipped")


def main():
    log, meson_status = Path(sys.argv[1]), int(sys.argv[2])
    programs, total = 0, [0, 0, 0]
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        entry = json.loads(line)
        output = entry.get("stdout", "") + entry.get("stderr", "")
        counts = count(entry["result"], output)
        programs += 1
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            print(f"FAILED   {entry['name']}: {entry['result']}")
        if entry["result"] == "SKIP":
            reason = REASON.findall(output)
            print(f"skipped  {entry['name']}: {reason[-1] if reason else 'it did not say why'}")
    if meson_status and not total[1]:
        print(f"FAILED   meson test ended with {meson_status}")
        total[1] = 1
    if programs == 0:
        print("FAILED   no test was run")
        total[1] = max(total[1], 1)
    print(f"{programs} test programs")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
