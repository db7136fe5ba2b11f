"""The runner must fail where it should: unittest over run.py, case_file.py and schema.py."""
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))
import case_file  # noqa: E402
import run  # noqa: E402
import schema  # noqa: E402

# Stands for the program: prints what it is told, then exits as told.
FAKE = """#!/bin/sh
printf '%s' "$OUT"
printf '%s' "$ERR" >&2
exit ${CODE:-0}
"""


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.program = self.path / "fake"
        self.program.write_text(FAKE)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def tearDown(self):
        self.folder.cleanup()

    def outcome(self, text, *options, environment=None):
        test = self.path / "x.test"
        test.write_text(text)
        return subprocess.run(
            [sys.executable, str(HERE.parent / "run.py"), "--program", str(self.program), *options,
             str(test)], capture_output=True, text=True, env=environment or dict(os.environ))

    def assert_fails(self, text, reason):
        result = self.outcome(text)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(reason, result.stdout)

    def assert_passes(self, text):
        result = self.outcome(text)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_exit_code_and_streams(self):
        self.assert_passes("case: a\nrun: OUT=hi ERR=no CODE=2 $DISCREET\nexit: 2\nstdout has: hi\n"
                           "stderr:\n  no\nstdout lacks: x\nstdout matches: ^h.$\n")
        self.assert_fails("case: a\nrun: CODE=2 $DISCREET\n", "exit code 2, expected 0")
        self.assert_fails("case: a\nrun: OUT=hi $DISCREET\nstdout has: ho\n", "stdout lacks 'ho'")
        self.assert_fails("case: a\nrun: OUT=hi $DISCREET\nstdout lacks: hi\n", "stdout has 'hi'")
        self.assert_fails("case: a\nrun: OUT=hi $DISCREET\nstdout matches: ^o\n", "does not match")
        self.assert_fails("case: a\nrun: ERR=hi $DISCREET\nstderr: empty\n", "stderr is not empty")

    def test_blocks_match_whole_streams(self):
        self.assertTrue(run.matches_block(["a ... c", "...", "z"], "a b c\n1\n2\nz\n"))
        self.assertTrue(run.matches_block(["a"], "a"))
        self.assertFalse(run.matches_block(["a"], "a\nb\n"))
        self.assertFalse(run.matches_block(["a...c"], "ab\nc\n"))

    def test_json_is_one_document_of_a_known_schema(self):
        self.assert_fails("case: a\nrun: OUT='{}{}' $DISCREET --json\n", "not exactly one document")
        self.assert_fails("case: a\nrun: OUT='{}' $DISCREET --json\n", "neither a key 'schema'")
        self.assert_fails("""case: a\nrun: OUT='{"schema":"discreet.no.such/1"}' $DISCREET --json\n""",
                          "has no docs/schemas/no.such.json")
        self.assert_fails("""case: a\nrun: OUT='{"error":{"code":2}}' $DISCREET --json\n""",
                          "'message' is missing")
        self.assert_passes("case: a\nrun: OUT='{\"error\":{\"code\":2,\"message\":\"m\",\"hint\":\"\"}}' "
                           "CODE=2 $DISCREET --json\nexit: 2\njson: error.message = \"m\"\n")
        self.assert_fails("case: a\nrun: OUT='{\"x\":1}' $DISCREET --json\njson: lines\n"
                          "json: [0].x > 1\n", "expected [0].x > 1, got 1")

    def test_json_rules(self):
        document = {"a": [{"b c": 2.5, "0.01": 1}], "s": "t"}
        for rule in ("a# = 1", "a[0].b c ~ 2.4 0.2", "a[0][\"0.01\"] = 1", "s = \"t\"", "s != 1",
                     "a[0].b c <= 2.5", "a exists"):
            run.check_json(rule, document)
        for rule in ("a# = 2", "a[0].b c ~ 2 0.2", "s = 1", "a[1] exists", "x = 1", "s < 3"):
            with self.assertRaises(run.Failure, msg=rule):
                run.check_json(rule, document)

    def test_files_environment_and_existence(self):
        self.assert_passes("case: a\nenv: X=1 2\nfile: d/f.txt\n  one\n\n  two\nrun: cat d/f.txt; echo $X\n"
                           "stdout:\n  one\n  \n  two\n  1 2\nrun: touch g\nexists: g\nabsent: h\n")
        self.assert_fails("case: a\nrun: true\nexists: g\n", "g was not written")

    def test_timeout_kills_what_was_started(self):
        self.assert_fails("case: a\ntimeout: 0.5\nrun: sleep 60 & sleep 60\n", "no end after 0.5 s")

    def test_skips_are_told_with_their_reason(self):
        environment = {k: v for k, v in os.environ.items() if k != "DISCREET_DATA"}
        results = self.path / "r.json"
        result = self.outcome("case: a\nrequires: data\nrun: false\n", "--results", str(results),
                              environment=environment)
        self.assertEqual(result.returncode, 0)
        self.assertIn('"skipped"', results.read_text())
        self.assertIn("needs DISCREET_DATA", results.read_text())

    def test_bad_files_are_refused(self):
        for text in ("run: true\n", "case: a\n", "case: a\nrun: true\nfoo: 1\n",
                     "case: a\nrequires: luck\nrun: true\n", "case: a\nrun: true\ncase: a\nrun: true\n"):
            self.assertEqual(self.outcome(text).returncode, 2, text)
        self.assertEqual(self.outcome("# nothing\n").returncode, 1)

    def test_which_commands_want_a_document(self):
        for command, wanted in (("$DISCREET list --json", True), ("$DISCREET list", False),
                                ("$DISCREET list --json | head", False),
                                ("$DISCREET list --json > f", False),
                                ("$DISCREET list --json 2>/dev/null", True),
                                ("$DISCREET explain 'a|b' --json", True)):
            self.assertEqual(case_file.Step(1, command).wants_document(), wanted, command)


class Schema(unittest.TestCase):
    def test_each_rule_fails_where_it_should(self):
        for rule, good, bad in (
                ({"type": "integer"}, 3, 3.5), ({"type": "integer"}, 3.0, True),
                ({"type": ["string", "null"]}, None, 1), ({"enum": ["a", 1]}, 1, True),
                ({"const": 2}, 2, 3), ({"minimum": 1}, 1, 0.5), ({"exclusiveMaximum": 1}, 0.5, 1),
                ({"minLength": 2}, "ab", "a"), ({"maxItems": 1}, [1], [1, 2]),
                ({"pattern": "^a"}, "ab", "ba"), ({"items": {"type": "string"}}, ["a"], ["a", 1]),
                ({"required": ["a"]}, {"a": 1}, {"b": 1}),
                ({"properties": {"a": {"type": "null"}}}, {"a": None, "b": 1}, {"a": 1}),
                ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
                ({"patternProperties": {"^x": {"type": "null"}}}, {"x1": None}, {"x1": 1}),
                ({"anyOf": [{"const": 1}, {"const": 2}]}, 2, 3),
                ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 1, 2),
                ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 1, 3),
                ({"not": {"const": 1}}, 2, 1), (True, 1, None),
                ({"$ref": "common.json#/definitions/sha256"}, "0" * 64, "0" * 63),
                ({"$ref": "#/definitions/d", "definitions": {"d": {"const": 1}}}, 1, 2)):
            self.assertEqual(schema.check(good, rule), [], (rule, good))
            if rule is not True:
                self.assertNotEqual(schema.check(bad, rule), [], (rule, bad))

    def test_an_unknown_keyword_is_an_error(self):
        with self.assertRaises(ValueError):
            schema.check(1, {"minimun": 1})


if __name__ == "__main__":
    unittest.main()
