"""That levee-bench runs, that what it prints can be read, and that a wrong reply voids a run. No figure is looked at.

usage: smoke.py LEVEE_BENCH
"""

import json
import subprocess
import sys
import unittest

BENCH = sys.argv[1]
FEW_PEERS = ["--records=64"]  # one segment of each in a burst
SMALL = ["--rounds=2", "--buffers=256", "--hot_buffers=64", "--records=1000"]


def run(*words):
    return subprocess.run([BENCH, *words], capture_output=True, text=True, timeout=300, check=False)


class Smoke(unittest.TestCase):
    def figures(self, *words):
        """{(variant, metric): object} of a run with --json."""
        result = run(words[0], *SMALL, *words[1:], "--json")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        figures = {}
        for line in result.stdout.splitlines():
            figure = json.loads(line)
            self.assertEqual(list(figure), ["bench", "variant", "metric", "min", "median", "max", "samples"])
            self.assertEqual((figure["bench"], figure["samples"]), (words[0], 1 if figure["metric"] == "answers" else 2))
            self.assertLessEqual(figure["min"], figure["median"])
            self.assertLessEqual(figure["median"], figure["max"])
            key = figure["variant"], figure["metric"]
            self.assertNotIn(key, figures)
            figures[key] = figure
        return figures

    def test_syn(self):
        figures = self.figures("syn")
        mixes = ("v4-mixed", "v4-linux", "v4-offload", "v6-mixed", "v6-offload")
        kinds = {f"{mix}{heat}" for mix in mixes for heat in ("", "-hot")}
        self.assertEqual({variant for variant, _ in figures}, kinds)
        for variant in kinds:
            for metric in ("cycles_io", "cycles_macswap", "cycles_levee"):
                self.assertGreater(figures[variant, metric]["min"], 0)
            self.assertIn((variant, "cycles_over_io"), figures)
            self.assertIn((variant, "ratio_to_io"), figures)

    def test_ack(self):
        figures = self.figures("ack")
        self.assertEqual({variant for variant, _ in figures}, {"v4-ack", "v4-fin", "v4-data", "v4-rst", "v4-ack-hot"})
        self.assertIn(("v4-ack", "cycles_over_io"), figures)

    def test_recycle(self):
        figures = self.figures("recycle")
        self.assertEqual({variant for variant, _ in figures}, {"v4-kept", "v4-always"})
        self.assertIn(("v4-kept", "cycles_over_io_timewait"), figures)
        self.assertIn(("v4-always", "timewait_to_plain_over_io"), figures)

    def test_hostility(self):
        figures = self.figures("hostility", *FEW_PEERS)
        attacks = {variant.split("-", 1)[1] for variant, _ in figures}
        self.assertLessEqual({"text", "every-other-byte", "overlap", "syn", "acks", "ack-division", "sack-grow"}, attacks)
        self.assertEqual({variant for variant, _ in figures}, {f"v{v}-{attack}" for v in (4, 6) for attack in attacks})
        self.assertIn(("v4-every-other-byte", "to_text_over_io"), figures)
        self.assertIn(("v6-sack-grow", "to_acks_over_io"), figures)
        self.assertIn(("v6-sack-grow", "to_last-acks_over_io"), figures)
        # One ACK for two segments; two segments for each ACK; five challenges a second, of 16.
        self.assertEqual(figures["v4-text", "answers"]["median"], 0.5)
        self.assertGreater(figures["v4-acks", "answers"]["median"], 1.5)
        self.assertEqual(figures["v4-syn", "answers"]["median"], 0.31)

    def test_one_wrong_bit_in_an_answer_voids_the_run(self):
        for number in (150, 500):
            for variant in ("v4-text", "v6-acks"):
                with self.subTest(reply=number, variant=variant):
                    result = run("hostility", *SMALL, *FEW_PEERS, "--json", f"--variants={variant}", f"--break={number}")
                    self.assertEqual((result.returncode, result.stdout), (1, ""), result)

    def test_modes_and_variants_can_be_chosen(self):
        figures = self.figures("syn", "--modes=levee", "--variants=v4-linux-hot", "--burst=32")
        self.assertEqual(list(figures), [("v4-linux-hot", "cycles_levee")])

    def test_table(self):
        result = run("syn", *SMALL, "--variants=v4-mixed")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        self.assertRegex(result.stdout, r"\nv4-mixed +cycles_over_io( +-?\d+\.\d\d){3} +2\n")

    def test_one_wrong_bit_in_one_reply_voids_the_run(self):
        # The bit that is flipped moves with the number: addresses, headers, options.
        for number in [*range(1, 75, 6), 300]:
            with self.subTest(reply=number):
                result = run("syn", *SMALL, "--json", "--modes=levee", "--variants=v4-mixed", f"--break={number}")
                self.assertEqual((result.returncode, result.stdout), (1, ""), result)
                self.assertRegex(result.stderr, r"\Alevee-bench: the run is void: [^\n]+\n\Z")
        result = run("syn", *SMALL, "--json", "--modes=levee", "--variants=v4-mixed", "--break=100000")
        self.assertEqual(result.returncode, 0, result)

    def test_wrong_options(self):
        for words in ([], ["nothing"], ["syn", "ack"], ["syn", "--burst=65"], ["syn", "--rounds=0"], ["syn", "--modes=x"],
                      ["syn", "--nothing"], ["syn", "--seed=1x"], ["syn", "--variants=v4-none"]):
            with self.subTest(words=words):
                result = run(*words)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result)
                self.assertIn("levee-bench", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
