"""levee-nc's exit codes, and the one line on stderr that goes with each (README.md). Conversations: tests/interop/nc.sh.

usage: nc_exit_codes.py LEVEE_NC
"""

import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

LEVEE_NC = sys.argv[1]
RING = ["--dev=ring", "--address=10.0.0.2/24"]


def run(*words):
    return subprocess.run([LEVEE_NC, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


class ExitCodes(unittest.TestCase):
    def refused(self, code, *words, says):
        result = run(*words)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result)
        self.assertRegex(result.stderr, r"\Alevee-nc: [^\n]{10,400}\n\Z")
        self.assertIn(says, result.stderr)

    def test_help_and_version_are_0(self):
        for flag, says in (("--help", "HOST PORT"), ("--version", "levee-nc 0")):
            result = run(flag)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn(says, result.stdout)

    def test_usage_errors_are_2(self):
        for words, says in (
            ([], "HOST PORT"),
            (["10.0.0.1", "7"], "no address"),
            ([*RING, "10.0.0.1", "70000"], "70000"),
            ([*RING, "localhost", "7"], "'localhost'"),
            ([*RING, "--listen=7/echo", "10.0.0.1", "7"], "unknown flag --listen"),
            ([*RING, "-l", "10.0.0.1", "7"], "-l"),
            ([*RING, "--poll=never", "10.0.0.1", "7"], "never"),
            ([*RING, "--send_buffer=1", "10.0.0.1", "7"], "buffer"),
        ):
            with self.subTest(words=words):
                self.refused(2, *words, says=says)

    def test_device_failures_are_3(self):
        self.refused(3, "--vdev=net_nonsense0", "--", RING[1], "10.0.0.1", "7", says="net_nonsense0")

    # RFC 9293 3.9.1.1, MUST-46, and a destination without a route.
    def test_a_place_that_cannot_be_reached_is_1(self):
        self.refused(1, *RING, "10.9.0.1", "7", says="10.9.0.1:7: no way there")
        self.refused(1, *RING, "fd00::1", "7", says="[fd00::1]:7: no way there")
        for host in ("224.0.0.1", "10.0.0.255", "10.0.0.2"):
            self.refused(1, *RING, host, "7", says=f"{host}:7: give the address of one other host")

    def test_a_signal_before_anybody_connected_is_1(self):
        process = subprocess.Popen([LEVEE_NC, *RING, "-l", "7"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.assertTrue(self.at_work(process))
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual((process.returncode, stdout), (1, ""))
        self.assertEqual(stderr, "levee-nc: interrupted before a connection ended\n")

    def at_work(self, process):
        """Whether its worker's thread is there; waits for it, at most twenty seconds."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            names = [(Path(f"/proc/{process.pid}/task") / task / "comm").read_text(encoding="utf-8").strip()
                     for task in os.listdir(f"/proc/{process.pid}/task")]
            if "levee-0" in names:
                return True
        return False


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
