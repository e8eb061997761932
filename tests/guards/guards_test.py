"""The guards can fail: violations are planted in a small tree and each has to be found, and nothing else.

usage: guards_test.py CXX
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import conformance
import counters
import floors
import headers

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import summary

CXX = os.environ.get("CXX", "c++")

CLEAN = {
    "include/levee/time.h": "#pragma once\n#include <chrono>\n",
    "src/base/check.h": "#pragma once\n#include <cstdint>\n",
    "src/wire/tcp.h": '#pragma once\n#include "base/check.h"\n',
    "src/tcp/tcb.h": '#pragma once\n#include "levee/time.h"\n#include "wire/tcp.h"\n',
    "src/shard/shard.h": '#pragma once\n#include <span>\n#include "tcp/tcb.h"\n',
    "src/device/device.h": '#pragma once\n#include <pcap/pcap.h>\n#include "shard/shard.h"\n',
    "src/dpdk/port.h": '#pragma once\n#include <rte_ethdev.h>\n#include "device/device.h"\nrte_mbuf* head();\n',
    "src/runtime/worker.h": '#pragma once\n#include <signal.h>\n#include "dpdk/port.h"\n',
    "src/service/echo.h": '#pragma once\n#include <fmt/format.h>\n#include "levee/time.h"\n',
    "apps/flags.h": '#pragma once\n#include <gflags/gflags.h>\n#include "runtime/worker.h"\n',
    "apps/levee.cc": '#include "flags.h"\n// rte_eal_init is floor 3\'s\n#include "service/echo.h"\n',
}


class Planted(unittest.TestCase):
    """A clean tree in a folder of its own, to which a test adds what must be found."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for name, text in CLEAN.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def expect_one(self, name, text, sentence):
        self.write(name, text)
        problems, _ = floors.check_tree(self.root)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(name, problems[0])
        self.assertIn(sentence, problems[0])


class Floors(Planted):
    def test_a_clean_tree_passes(self):
        self.assertEqual(floors.check_tree(self.root), ([], len(CLEAN)))

    def test_the_core_includes_no_floor_above(self):
        self.expect_one("src/tcp/output.cc", '#include "shard/shard.h"\n', "not below src/tcp")

    def test_the_core_includes_no_dpdk_header(self):
        self.expect_one("src/base/clock.h", "#include <rte_cycles.h>\n", "neither the standard library")

    def test_runtime_includes_no_dpdk_header(self):
        self.expect_one("src/runtime/clock.h", "  #  include <rte_cycles.h>\n", "neither the standard library")

    def test_dpdk_is_not_declared_by_hand(self):
        self.expect_one("src/runtime/exit.cc", 'extern "C" int rte_eal_cleanup();\n', "DPDK belongs to src/dpdk")

    def test_shard_knows_no_device(self):
        self.expect_one("src/shard/shard.cc", '#include "device/device.h"\n', "not below src/shard")

    def test_device_knows_no_dpdk(self):
        self.expect_one("src/device/memory.cc", '#include "dpdk/port.h"\n', "not below src/device")

    def test_services_use_only_the_public_face(self):
        self.expect_one("src/service/http.cc", '#include "shard/shard.h"\n', "not below src/service")
        (self.root / "src/service/http.cc").unlink()
        self.expect_one("src/inspect/scan.cc", '#include "base/check.h"\n', "not below src/inspect")

    def test_the_public_face_includes_nothing_of_ours(self):
        self.expect_one("include/levee/service.h", '#include "base/check.h"\n', "not below include/levee")

    def test_gflags_lives_in_apps(self):
        self.expect_one("src/runtime/options.h", "#include <gflags/gflags.h>\n", "neither the standard library")

    def test_apps_are_included_by_nobody(self):
        self.expect_one("src/runtime/run.cc", '#include "apps/flags.h"\n', "does not exist")

    def test_the_core_reads_no_clock_and_takes_no_lock(self):
        self.expect_one("src/shard/lock.h", "#include <mutex>\n", "not for floors 0 to 2")
        (self.root / "src/shard/lock.h").unlink()
        self.expect_one("src/tcp/now.h", "#include <sys/time.h>\n", "neither the standard library")

    def test_paths_start_at_the_room(self):
        self.expect_one("src/tcp/input.cc", '#include "tcb.h"\n', '"tcp/tcb.h"')
        (self.root / "src/tcp/input.cc").unlink()
        self.expect_one("src/wire/up.h", '#include "../base/check.h"\n', "does not exist")

    def test_a_new_room_needs_a_row(self):
        self.expect_one("src/relay/relay.h", "#pragma once\n", "no row")

    def test_an_include_by_macro_is_refused(self):
        self.expect_one("src/tcp/macro.h", "#include HEADER\n", "by macro")


class Headers(Planted):
    def setUp(self):
        super().setUp()
        for name in ("src/device/device.h", "src/dpdk/port.h", "src/runtime/worker.h", "src/service/echo.h",
                     "apps/flags.h", "apps/levee.cc"):
            (self.root / name).unlink()
        self.build = self.root / "build"
        self.build.mkdir()

    def check(self, extra=""):
        command = f"{CXX} -std=c++20 -Wall -Wextra -Werror -I../src -I../include {extra} -MD -MQ x.o -MF x.d -o x.o -c "
        entries = [{"directory": str(self.build), "file": f"../{room}/x.cc", "command": f"{command} ../{room}/x.cc"}
                   for room in headers.CORE_ROOMS]
        (self.build / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
        return headers.check_all(self.root, self.build)

    def test_clean_headers_pass_and_are_remembered(self):
        self.assertEqual(self.check(), ([], 5))
        stamps = len(list((self.build / "header_stamps").iterdir()))
        self.assertEqual(stamps, 5)
        self.assertEqual(self.check(), ([], 5))

    def test_a_header_that_leans_on_its_includer_fails(self):
        self.write("src/tcp/lean.h", "#pragma once\nstd::uint32_t iss();\n")
        problems, _ = self.check()
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("tcp/lean.h does not compile alone", problems[0])

    def test_a_change_further_down_is_noticed(self):
        self.check()
        self.write("src/base/check.h", "#pragma once\nbroken\n")
        problems, _ = self.check()
        # check.h itself, and wire/tcp.h, tcp/tcb.h and shard/shard.h, which include it.
        self.assertEqual(len(problems), 4, problems)

    def test_a_header_without_pragma_once_fails(self):
        self.write("src/tcp/twice.h", "struct Twice {};\n")
        problems, _ = self.check()
        self.assertEqual(len(problems), 1, problems)

    def test_dpdk_in_the_cores_reach_fails(self):
        # A folder with a header of that name stands for DPDK's, so that the test does not need DPDK.
        self.write("dpdk/rte_mbuf.h", "#pragma once\n")
        problems, _ = self.check("-isystem ../dpdk")
        self.assertEqual(len(problems), 5, problems)
        self.assertIn("compiles with the core's flags", problems[-1])


class Counters(unittest.TestCase):
    ROWS = "drop\ttoo_short\tShorter than its headers.\ncounter\tInSegs\tSegments received.\n"

    def test_the_page_is_what_the_tables_say(self):
        page = counters.page(counters.parse(self.ROWS))
        self.assertIn("| `too_short` | Shorter than its headers. |", page)
        self.assertEqual(counters.differences(page, page), [])

    def test_another_sentence_is_a_difference(self):
        page = counters.page(counters.parse(self.ROWS))
        self.assertNotEqual(counters.differences(page.replace("Shorter", "Longer"), page), [])

    def test_a_missing_row_is_a_difference(self):
        page = counters.page(counters.parse(self.ROWS))
        short = "\n".join(line for line in page.split("\n") if "InSegs" not in line)
        self.assertNotEqual(counters.differences(short, page), [])

    def test_bad_tables_are_refused(self):
        for rows in (self.ROWS + "drop\ttoo_short\tAgain.\n", "drop\tx\t\n", "drop\tx\tNo full stop\n",
                     "drop\t\tNo name.\n", "other\tx\tUnknown kind.\n", ""):
            with self.assertRaises(ValueError, msg=rows):
                counters.parse(rows)


class Citations(unittest.TestCase):
    def test_lists_and_ranges_are_spread(self):
        for text, cited in (
                ("RFC 9293 3.5, MUST-1: a rule", {"MUST-1", "RFC 9293", "RFC 9293 3.5"}),
                ("MUST-60/61", {"MUST-60", "MUST-61"}),
                ("SHLD-15 to 17, MAY-2", {"SHLD-15", "SHLD-16", "SHLD-17", "MAY-2"}),
                ("MUST-30 to MUST-32", {"MUST-30", "MUST-31", "MUST-32"}),
                ("MUST-10, 3.5 is elsewhere", {"MUST-10"}),
                ("(RFC 6298 5.4 to 5.6)", {"RFC 6298", "RFC 6298 5.4", "RFC 6298 5.5", "RFC 6298 5.6"}),
                ("RFC 7323 2.2 and 2.3, said", {"RFC 7323", "RFC 7323 2.2", "RFC 7323 2.3"}),
                ("RFC 6298 (2.1)", {"RFC 6298", "RFC 6298 2.1"}),
                ("MUSTARD-1 and RST alone", set())):
            self.assertEqual(conformance.citations(text), cited, text)

    def test_a_subsection_counts_for_its_section_and_no_other(self):
        self.assertEqual(conformance.of("RFC 6298 5", {"RFC 6298 5.4": ["a"], "RFC 6298 51": ["b"]}), ["a"])
        self.assertEqual(conformance.of("MUST-1", {"MUST-11": ["a"]}), [])

    def test_none_of_rfc_9293s_requirements_is_lost(self):
        table = Path(conformance.__file__).resolve().with_name("requirements.txt").read_text(encoding="utf-8")
        wanted = [f"{word}-{n}" for word, most in (("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1))
                  for n in range(1, most + 1)]
        self.assertEqual([id for id, section, _ in conformance.rows(table, 3) if section.startswith("RFC 9293 ")], wanted)

    def test_tables_with_a_missing_field_are_refused(self):
        for text in ("MUST-1 | RFC 9293 3.1\n", "MUST-1 | | x\n", "A-1 | b | c\nA-1 | b | d\n"):
            with self.assertRaises(ValueError, msg=text):
                conformance.rows(text, 3)


class Conformance(Planted):
    REQUIREMENTS = ("MUST-1 | RFC 9293 3.1 | a rule\nSHLD-2 | RFC 9293 3.2 | an advice\nMAY-3 | RFC 9293 3.3 | a choice\n"
                    "RFC 6298 5 | RFC 6298 5 | a timer\n")
    TEST = ("// MUST-1, SHLD-2: why\nTEST(Rule, IsKept) {\n  expect();  // RFC 6298 5.2\n}\n\n"
            "// A helper, far from any test: MAY-3.\nint helper() {\n  return 1;\n}\n\nTEST(Other, Thing) {}\n")

    def setUp(self):
        super().setUp()
        self.write("src/tcp/rule.cc", "int wnd;  // unsigned (MUST-1)\n// SHLD-2, RFC 6298\n// 5.1 to 5.3\nint x;\n")
        self.write("tests/tcp/rule_test.cc", self.TEST)
        self.exceptions = {"MAY-3": "nobody asks for it"}

    def found(self):
        requirements = conformance.rows(self.REQUIREMENTS, 3)
        cited = conformance.cited_in_product(self.root), conformance.cited_in_tests(self.root)
        self.page = conformance.page(requirements, self.exceptions, *cited)
        return conformance.problems(requirements, self.exceptions, *cited)

    def expect_one(self, sentence):
        problems = self.found()
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(sentence, problems[0])

    def test_what_is_met_and_shown_is_on_the_page(self):
        self.assertEqual(self.found(), [])
        self.assertIn("| MUST-1 | 3.1 | a rule | `src/tcp/rule.cc` | `Rule.IsKept` |", self.page)
        self.assertIn("| RFC 6298 5 | 5 | a timer | `src/tcp/rule.cc` | `Rule.IsKept` |", self.page)
        self.assertIn("| MAY-3 | 3.3 | a choice | left out | nobody asks for it |", self.page)

    def test_a_requirement_that_nothing_meets_is_found(self):
        self.write("src/tcp/rule.cc", "int wnd;  // SHLD-2, RFC 6298 5.1\nauto s = \"MUST-1\";\n")
        self.expect_one("MUST-1 (a rule) is cited nowhere")

    def test_a_requirement_without_a_test_is_found(self):
        self.write("tests/tcp/rule_test.cc", self.TEST.replace(", SHLD-2", ""))
        self.expect_one("SHLD-2 (an advice) is cited by no test")

    def test_a_citation_out_of_any_tests_reach_shows_nothing(self):
        del self.exceptions["MAY-3"]
        self.write("src/tcp/choice.cc", "// MAY-3\n")
        self.expect_one("MAY-3 (a choice) is cited by no test")

    def test_an_exception_that_is_met_all_the_same_is_found(self):
        self.write("src/tcp/choice.cc", "// MAY-3\n")
        self.expect_one("MAY-3 has an exception, but is cited as met in src/tcp/choice.cc")

    def test_numbers_that_do_not_exist_are_found(self):
        self.exceptions["MUST-99"] = "a slip"
        self.expect_one("MUST-99 has an exception, but is no requirement")
        del self.exceptions["MUST-99"]
        self.write("src/tcp/slip.cc", "// MUST-99\n")
        self.expect_one("MUST-99 is cited, but is no requirement")

    def test_a_stale_page_fails(self):
        self.write("tests/guards/requirements.txt", self.REQUIREMENTS)
        self.write("tests/guards/exceptions.txt", "MAY-3 | nobody asks for it\n")
        self.write("docs/conformance.md", "old\n")
        self.assertEqual(self.run_main(), 1)
        self.assertEqual(self.run_main("--write"), 0)
        self.assertEqual(self.run_main(), 0)

    def run_main(self, *arguments):
        with unittest.mock.patch.object(sys, "argv", ["conformance.py", *arguments, str(self.root)]):
            with contextlib.redirect_stdout(io.StringIO()):
                return conformance.main()


class Summary(unittest.TestCase):
    """The closing line of tests/run.sh counts what ran, and never turns a failure into a pass."""

    GTEST = ("[==========] 12 tests from 3 test suites ran. (8 ms total)\n[  PASSED  ] {} tests.\n"
             "[  SKIPPED ] {} tests, listed below:\n")

    def test_a_googletest_program_counts_as_its_cases(self):
        self.assertEqual(summary.count("OK", self.GTEST.format(10, 2)), (10, 0, 2))
        self.assertEqual(summary.count("FAIL", self.GTEST.format(9, 2) + "[  FAILED  ] 1 test, listed below:\n"), (9, 1, 2))

    def test_any_other_program_is_one_test(self):
        self.assertEqual(summary.count("OK", "all is well"), (1, 0, 0))
        self.assertEqual(summary.count("FAIL", ""), (0, 1, 0))
        self.assertEqual(summary.count("TIMEOUT", ""), (0, 1, 0))
        self.assertEqual(summary.count("SKIP", "skipped: no tun"), (0, 0, 1))

    def test_a_leak_after_the_last_case_is_a_failure(self):
        self.assertEqual(summary.count("FAIL", self.GTEST.format(12, 0)), (12, 1, 0))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        CXX = sys.argv.pop(1)
    unittest.main()
