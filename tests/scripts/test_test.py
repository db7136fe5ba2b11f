"""scripts/test counts honestly: failures, crashes, skips, and runs of nothing, with a ctest that is
made up."""
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Stands for ctest: copies the result files and the JUnit file that a test prepared.
FAKE = """#!/bin/sh
while [ $# -gt 0 ]; do
  if [ "$1" = --output-junit ]; then junit=$2; fi
  shift
done
cp "$PREPARED"/results/* "$BUILD/test-results/" 2>/dev/null
cp "$PREPARED/junit.xml" "$junit"
exit $(cat "$PREPARED/code")
"""
GTEST = """<testsuites><testsuite name="S">{}</testsuite></testsuites>"""
PASSED = '<testcase name="{}" classname="S" status="run" result="completed" time="{}"/>'
FAILED = '<testcase name="{}" classname="S" result="completed" time="0"><failure message="m"/></testcase>'
SKIPPED = '<testcase name="{}" classname="S" result="skipped" time="0"><skipped message="f.cpp:1&#x0A;{}"/></testcase>'


class TestScript(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "results").mkdir()
        (self.path / "build").mkdir()
        (self.path / "bin").mkdir()
        ctest = self.path / "bin" / "ctest"
        ctest.write_text(FAKE)
        ctest.chmod(ctest.stat().st_mode | stat.S_IXUSR)

    def tearDown(self):
        self.folder.cleanup()

    def outcome(self, entries, code=0, data=None):
        """(exit code, last line, all output); entries: name to (status, result file or None)."""
        junit = ""
        for name, (status, file, text) in entries.items():
            junit += f'<testcase name="{name}" status="{status}" time="1"/>'
            if file:
                (self.path / "results" / file).write_text(text)
        (self.path / "junit.xml").write_text(f"<testsuite>{junit}</testsuite>")
        (self.path / "code").write_text(str(code))
        environment = {k: v for k, v in os.environ.items() if k != "DISCREET_DATA"}
        environment.update(PATH=f"{self.path / 'bin'}:{environment['PATH']}", BUILD=str(self.path / "build"),
                           PREPARED=str(self.path))
        if data:
            environment["DISCREET_DATA"] = data
        result = subprocess.run([sys.executable, str(SOURCE / "scripts" / "test")], capture_output=True,
                                text=True, env=environment)
        return result.returncode, result.stdout.splitlines()[-1], result.stdout

    def test_cases_are_counted_one_by_one(self):
        code, last, text = self.outcome({
            "a": ("run", "a.xml", GTEST.format(PASSED.format("p", 9.5) + PASSED.format("q", 1))),
            "b": ("run", "b.json", json.dumps([{"name": "b: c", "status": "passed", "seconds": 2, "reason": ""}])),
            "s": ("run", None, None)})
        self.assertEqual((code, last), (0, "4 passed, 0 failed, 0 skipped"))
        self.assertIn("9.5 s  S.p", text)

    def test_a_failed_case_fails_the_run(self):
        code, last, text = self.outcome(
            {"a": ("fail", "a.xml", GTEST.format(PASSED.format("p", 0) + FAILED.format("q")))}, code=8)
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("failed:\n  S.q", text)

    def test_a_crash_without_a_result_is_a_failure(self):
        self.assertEqual(self.outcome({"a": ("fail", None, None)}, code=8)[:2],
                         (1, "0 passed, 1 failed, 0 skipped"))
        self.assertEqual(self.outcome({"a": ("fail", "a.xml", GTEST.format(PASSED.format("p", 0)))}, code=8)[:2],
                         (1, "1 passed, 1 failed, 0 skipped"))
        self.assertEqual(self.outcome({"a": ("run", "a.xml", "<torn")})[:2],
                         (1, "0 passed, 1 failed, 0 skipped"))

    def test_skips_are_listed_and_forbidden_where_the_data_is(self):
        entries = {"a": ("run", "a.xml", GTEST.format(PASSED.format("p", 0) + SKIPPED.format("q", "no data")))}
        code, last, text = self.outcome(entries)
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("S.q: no data", text)
        code, last, text = self.outcome(entries, data=str(self.path))
        self.assertEqual((code, last), (1, "1 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.outcome(entries, data="/nowhere/at/all")[0], 0)

    def test_running_nothing_is_a_failure(self):
        self.assertEqual(self.outcome({})[:2], (1, "0 passed, 0 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
