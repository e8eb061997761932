"""The levee binary's exit codes and the one line on stderr that goes with each (README.md, "Exit codes").

usage: exit_codes.py LEVEE SOURCE_ROOT
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LEVEE = sys.argv[1]
ROOT = Path(sys.argv[2])
ADDRESS = "--address=10.0.0.2/24"
RUNTIME_DIRECTORIES = [Path("/var/run/dpdk"), Path("/tmp/dpdk"),
                       Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")) / "dpdk"]


class Result:
    """A run that has ended: its exit code, what it wrote, and what it left where EAL keeps its files."""

    def __init__(self, process, timeout=60):
        self.stdout, self.stderr = process.communicate(timeout=timeout)
        self.returncode = process.returncode
        self.leftovers = [d for d in runtime_directories_of(process.pid) if d not in process.found]

    def __repr__(self):
        return f"exit code {self.returncode}, stdout {self.stdout!r}, stderr {self.stderr!r}, left {self.leftovers}"


def runtime_directories_of(pid):
    return [d / f"levee-{pid}" for d in RUNTIME_DIRECTORIES if (d / f"levee-{pid}").exists()]


def start(*words, prefix=()):
    # A killed levee of long ago may have had a process id that now comes round again.
    found = {path for d in RUNTIME_DIRECTORIES for path in d.glob("levee-*")}
    process = subprocess.Popen([*prefix, LEVEE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.found = found
    return process


def run(*words, prefix=()):
    return Result(start(*words, prefix=prefix))


class ExitCodes(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="levee-app-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def key_file(self, content=b"0123456789abcdef0123456789abcdef\n", mode=0o600):
        path = self.directory / f"key{len(list(self.directory.iterdir()))}"
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def capture(self, frames=()):
        """A capture of frames, one a millisecond."""
        records = b"".join(struct.pack("<IIII", 1_700_000_000, i * 1000, len(f), len(f)) + f for i, f in enumerate(frames))
        return self.file("in.pcap", struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + records)

    def refused(self, code, *words, says="", prefix=()):
        result = run(*words, prefix=prefix)
        self.assertEqual(result.returncode, code, result)
        self.assertEqual(result.stdout, "", result)
        self.assertRegex(result.stderr, r"\Alevee: [^\n]{10,400}\n\Z")
        self.assertIn(says, result.stderr)
        self.assertEqual(result.leftovers, [])

    def test_help_and_version_need_nothing(self):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        readable = subprocess.run([*nobody, "test", "-x", LEVEE], check=False).returncode == 0
        for flag in ("--help", "--version"):
            result = run(flag, prefix=nobody if readable else ())
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("levee", result.stdout)
        text = run("--help").stdout
        for flag in run("--dev=ring", ADDRESS, "--print_config").stdout.splitlines():
            if flag.startswith("--"):
                self.assertIn(flag.split("=")[0], text)

    def test_usage_errors_are_2(self):
        for words, says in (
            ([], "no address"),
            (["--nonsense"], "unknown flag --nonsense"),
            (["word"], "'word'"),
            (["--mtu"], "needs a value"),
            (["--json=perhaps", ADDRESS, "--dev=ring"], ""),
            (["--dev=ring", "--address=10.0.0/24"], "10.0.0"),
            (["--dev=ring", "--address=10.0.0.2"], "prefix length"),
            (["--dev=ring", ADDRESS, "--listen=70000/http"], "70000"),
            (["--dev=ring", ADDRESS, "--listen=80/gopher"], "gopher"),
            (["--dev=ring", ADDRESS, "--listen=10.0.0.3:80/http"], "not ours"),
            (["--dev=ring", ADDRESS, "--gateway=10.9.0.1"], "10.9.0.1"),
            (["--dev=ring", "--address=fd00::2/129"], "129"),
            (["--dev=ring", "--address=ff02::1/64"], "multicast"),
            (["--dev=ring", "--address=::ffff:10.0.0.2/24"], "give 10.0.0.2"),
            (["--dev=ring", "--address=fe80::2/64"], "name its port"),
            (["--dev=ring", "--address=fd00::2/64", "--mtu=1279"], "1280"),
            (["--dev=ring", "--address=fd00::2/64", "--gateway=fd01::1"], "fd01::1"),
            (["--dev=ring", "--address=fd00::2/64", "--listen=fd00::2:80/http"], "brackets"),
            (["--dev=ring", ADDRESS, "--mtu=70000"], "70000"),
            (["--dev=tap:x", ADDRESS, "--mtu=9000"], "1500"),
            (["--dev=ring", ADDRESS, "--time_wait=soon"], "soon"),
            (["--dev=ring", ADDRESS, "--poll=never"], "never"),
            (["--dev=ring", ADDRESS, "--mac=01:00:00:00:00:00"], "unicast"),
            (["--dev=ring", ADDRESS, "--mac=zz"], "zz"),
            (["--dev=ring", ADDRESS, "--workers=4"], "--workers=4"),
            (["--dev=ring", ADDRESS, "--http_root=/nonexistent"], "/nonexistent"),
            (["--dev=ring", ADDRESS, "--pcap_out=/nonexistent/x"], "/nonexistent"),
            (["--dev=tap:x", ADDRESS, "--seed=1"], "--seed"),
            (["--dev=ring", ADDRESS, "--syn_cookies=sometimes"], "auto, always or never"),
            (["--dev=ring", ADDRESS, "--syn_queue=1"], "--syn_queue=1"),
            (["--dev=ring", ADDRESS, "--accept_backlog=0"], "--accept_backlog=0"),
            (["--dev=ring", ADDRESS, "--max_time_wait=0"], "--max_time_wait"),
            (["--dev=ring", ADDRESS, "--synack_retries=300"], "300"),
            (["--dev=ring", ADDRESS, "--synack_retransmit_rate=often"], "often"),
            (["--dev=ring", ADDRESS, "--cookie_rotate=1ms"], "--cookie_rotate"),
            (["--dev=ring", ADDRESS, "--cookie_accept=never"], "recent or always"),
            (["--dev=ring", ADDRESS, "--cookie_require_ts=perhaps"], "true or false"),
            (["--dev=ring", ADDRESS, "--cookie_idle=soon"], "soon"),
            (["--dev=ring", ADDRESS, "--listen=19/chargen/first"], "server_first"),
            (["--dev=ring", ADDRESS, "--cookie_key_file=/nonexistent"], "/nonexistent"),
            (["--dev=ring", ADDRESS, "--cookie_key_file=" + self.key_file(mode=0o644)], "chmod it to 0600"),
            (["--dev=ring", ADDRESS, "--cookie_key_file=" + self.key_file(b"secret\n")], "32 hexadecimal digits"),
            (["--dev=ring", ADDRESS, "--seed=1", "--cookie_key_file=" + self.key_file()], "--seed"),
            (["--dev=pcap:/nonexistent", ADDRESS], "/nonexistent"),
            (["--dev=carrier:pigeon", ADDRESS], "unknown device"),
            (["--flagfile=/nonexistent"], "/nonexistent"),
            (["--flagfile=" + self.file("flags", b"--mtu=1400\n--nonsense=1\n")], "flags:2"),
        ):
            with self.subTest(words=words):
                self.refused(2, *words, says=says)

    def test_check_config_starts_nothing(self):
        result = run("--dev=tap:x", ADDRESS, "--check_config")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.refused(2, "--dev=tap:x", ADDRESS, "--listen=70000/http", "--check_config")

    def test_print_config_can_be_read_back(self):
        words = ["--dev=ring", ADDRESS, "--listen=7/echo,19/chargen/server_first", "--time_wait=2m", "--syn_cookies=always",
                 "--cookie_require_ts", "--synack_retransmit_rate=2k/s", "--accept_backlog=128"]
        printed = run(*words, "--print_config").stdout
        again = run("--flagfile=" + self.file("flags", printed.encode()), "--print_config")
        self.assertEqual(again.stdout, printed)
        for line in ("--time_wait=2m", "--syn_cookies=always", "--cookie_require_ts=true", "--synack_retransmit_rate=2k/s",
                     "--accept_backlog=128"):
            self.assertIn(line + "\n", printed)

    def test_config_files_are_accepted(self):
        result = run(f"--flagfile={ROOT}/config/tap.flags", "--check_config")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        result = run(f"--flagfile={ROOT}/config/pcap.flags", "--dev=pcap:" + self.capture(), "--check_config")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_every_line_of_config_files_has_a_comment(self):
        for path in sorted((ROOT / "config").glob("*.flags")):
            before = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("-"):
                    self.assertTrue(before.startswith("#"), f"{path}: {line}")
                before = line

    def test_device_and_eal_failures_are_3(self):
        self.refused(3, "--no-such-eal-option", "--", ADDRESS, says="--no-such-eal-option")
        self.refused(3, "--vdev=net_nonsense0", "--", ADDRESS, says="net_nonsense0")
        self.refused(3, "--dev=pcap:" + self.file("bad.pcap", b"this is no capture"), ADDRESS, says="bad.pcap")
        self.refused(3, "-m", "16", "--no-huge", "--no-shconf", "--", "--dev=ring", ADDRESS, says="packet buffers")

    @unittest.skipUnless(os.geteuid() == 0, "dropping a capability needs root")
    def test_a_tap_without_rights_is_3(self):
        self.refused(3, "--dev=tap:leveetest", ADDRESS, says="CAP_NET_ADMIN",
                     prefix=["setpriv", "--bounding-set=-net_admin"])

    def test_a_capture_runs_to_its_end(self):
        result = run("--dev=pcap:" + self.capture([bytes(60), b"\xff" * 14, b"x"]), ADDRESS, "--seed=1", "--json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        totals = json.loads(result.stdout.splitlines()[-1])
        self.assertTrue(totals["totals"])
        self.assertEqual(totals["counters"]["FramesReceived"], 3)
        self.assertEqual(sum(totals["drops"].values()), 3)
        self.assertEqual(result.leftovers, [])

    def test_sighup_reads_the_key_file_again_and_a_bad_one_changes_nothing(self):
        key = Path(self.key_file())
        process = start("--dev=ring", ADDRESS, f"--cookie_key_file={key}", "--syn_cookies=always")
        self.assertIn("ready", process.stdout.readline())
        key.chmod(0o640)
        process.send_signal(signal.SIGHUP)
        line = process.stderr.readline()
        self.assertRegex(line, r"\Alevee: --cookie_key_file=\S+: its mode is 0640, .*; the old key stays\n\Z")
        key.chmod(0o600)
        key.write_bytes(b"f" * 32 + b"\n")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.pending(process, signal.SIGHUP), False)
        process.send_signal(signal.SIGTERM)
        result = Result(process)
        self.assertEqual((result.returncode, result.stderr, result.leftovers), (0, "", []))

    def pending(self, process, number):
        """Whether the process has yet to take the signal; waits until it has, at most ten seconds."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
            if not any(int(mask, 16) >> (number - 1) & 1 for mask in masks):
                return False
        return True

    def test_signals_duration_and_stats(self):
        process = start("--dev=ring", ADDRESS, "--json", "--stats=0.1")
        self.assertFalse(json.loads(process.stdout.readline())["totals"])
        process.send_signal(signal.SIGTERM)
        result = Result(process)
        self.assertEqual((result.returncode, result.stderr, result.leftovers), (0, "", []))
        self.assertTrue(json.loads(result.stdout.splitlines()[-1])["totals"])
        result = run("--dev=ring", ADDRESS, "--duration=10ms")
        self.assertEqual((result.returncode, result.stderr, result.leftovers), (0, "", []))
        self.assertIn("totals after", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
