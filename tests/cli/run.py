#!/usr/bin/env python3
"""Runs text tests of the command line; the format is described in README.md beside this file.

    run.py --program build/discreet [--tensors] [--results FILE.json] [--only SUBSTRING] FILE.test ...

Exit code: 0 if no case failed, 1 if one did, 2 if a test file is not what it should be.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "internal"))
import case_file  # noqa: E402
import schema  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Failure(Exception):
    """What was expected and what came instead."""


def execute(command, scratch, environment, timeout):
    """(exit code, stdout, stderr) of a bash command; all that it started ends with it."""
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=scratch, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise Failure(f"no end after {timeout} s\nstdout so far:\n{out.decode(errors='replace')}"
                      f"\nstderr so far:\n{err.decode(errors='replace')}")
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def line_pattern(line):
    return ".*".join(re.escape(part) for part in line.split("..."))


def matches_block(expected, text):
    """Whole text against lines; `...` in a line stands for anything, alone for any lines."""
    pattern = ""
    for line in expected:
        pattern += r"(?:[^\n]*\n)*" if line.strip() == "..." else line_pattern(line) + r"\n"
    if text and not text.endswith("\n"):
        text += "\n"
    return re.fullmatch(pattern, text) is not None


def lookup(document, path):
    """document["a"][0]["b c"] for the path `a[0].b c`; `#` gives a length."""
    value = document
    for name, index, length in re.findall(r"([^.\[\]#]+)|\[(-?\d+|\"[^\"]*\")\]|(#)", path):
        try:
            if length:
                value = len(value)
            elif index.startswith('"'):
                value = value[index[1:-1]]
            else:
                value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            raise Failure(f"json: nothing at {path}")
    return value


def check_json(rule, document):
    """`PATH exists`, `PATH = JSON`, `PATH ~ VALUE TOLERANCE` or `PATH < VALUE` (<=, >, >=, !=)."""
    if rule.endswith(" exists"):
        lookup(document, rule[:-len(" exists")].strip())
        return
    match = re.fullmatch(r"(.+?) (=|!=|~|<=|>=|<|>) (.+)", rule)
    if not match:
        raise case_file.BadTest(f"json: cannot read '{rule}'")
    path, operator, text = match.groups()
    got = lookup(document, path)
    if operator == "~":
        value, tolerance = (float(part) for part in text.split())
        good = isinstance(got, (int, float)) and abs(got - value) <= tolerance
    elif operator in ("=", "!="):
        good = (got == json.loads(text)) == (operator == "=")
    else:
        compare = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
                   ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}[operator]
        good = isinstance(got, (int, float)) and compare(got, json.loads(text))
    if not good:
        raise Failure(f"json: expected {rule}, got {json.dumps(got)}")


def check_document(document):
    """A document says by its `schema` which file of docs/schemas describes it."""
    if isinstance(document, dict) and "error" in document:
        name = "error"
    elif isinstance(document, dict) and "schema" in document:
        name = re.sub(r"^discreet\.(.*)/\d+$", r"\1", document["schema"])
    else:
        raise Failure("json: neither a key 'schema' nor an 'error' in the document")
    path = SOURCE / "docs" / "schemas" / f"{name}.json"
    if not path.exists():
        raise Failure(f"json: schema '{name}' has no docs/schemas/{name}.json")
    problems = schema.check(document, json.loads(path.read_text()))
    if problems:
        raise Failure(f"json: not as docs/schemas/{name}.json says:\n  " + "\n  ".join(problems))


def parse_one_document(out):
    try:
        return json.loads(out)
    except json.JSONDecodeError as error:
        raise Failure(f"--json: stdout is not exactly one document: {error}")


def check_step(step, result, scratch):
    code, out, err = result
    streams = {"stdout": out, "stderr": err}
    if code != step.exit:
        raise Failure(f"exit code {code}, expected {step.exit}")
    document = None
    if step.wants_document():
        document = parse_one_document(out)
        check_document(document)
    elif step.json_lines:
        document = [parse_one_document(line) for line in out.splitlines()]
        if not document:
            raise Failure("json lines: stdout is empty")
    for kind, stream, text in step.checks:
        if kind == "block" and not matches_block(text, streams[stream]):
            raise Failure(f"{stream} is not as expected:\n" + "\n".join("  " + t for t in text))
        if kind == "has" and text not in streams[stream]:
            raise Failure(f"{stream} lacks '{text}'")
        if kind == "lacks" and text in streams[stream]:
            raise Failure(f"{stream} has '{text}'")
        if kind == "matches" and not re.search(text, streams[stream], re.MULTILINE):
            raise Failure(f"{stream} does not match /{text}/")
        if kind == "empty" and streams[stream]:
            raise Failure(f"{stream} is not empty")
        if kind == "json":
            if document is None:
                document = parse_one_document(out)
            check_json(text, document)
        if kind == "exists" and not (scratch / text).exists():
            raise Failure(f"{text} was not written")
        if kind == "absent" and (scratch / text).exists():
            raise Failure(f"{text} is there, and should not be")


def why_skip(case, options):
    """A reason that runs of the test suite print, or None."""
    for need in case.requires:
        if need == "data" and not os.environ.get("DISCREET_DATA"):
            return "needs DISCREET_DATA"
        if need == "tensors" and not options.tensors:
            return "built without libtorch"
    return None


def environment_of(case, options, scratch):
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith("DISCREET_") or key in ("DISCREET_DATA",)}
    environment.update(
        DISCREET=str(options.program), SCRATCH=str(scratch), SOURCE=str(SOURCE), LC_ALL="C.UTF-8",
        NO_COLOR="1", HOME=str(scratch), XDG_CACHE_HOME=str(scratch / ".cache"), PYTHON=sys.executable,
        OMP_NUM_THREADS="1")
    if environment.get("DISCREET_DATA"):
        environment["DISCREET_DATA"] = os.path.abspath(environment["DISCREET_DATA"])
    environment.update(case.env)
    return environment


def run_case(case, options):
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="discreet-cli-"))
    try:
        for name, lines in case.files:
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(line + "\n" for line in lines))
        environment = environment_of(case, options, scratch)
        for step in case.steps:
            result = (None, "", "")
            try:
                result = execute(step.command, scratch, environment, case.timeout)
                check_step(step, result, scratch)
            except Failure as failure:
                code, out, err = result
                return (f"line {step.line}: $ {step.command}\n{failure}\n"
                        f"--- exit {code}; stdout\n{out[-4000:]}\n--- stderr\n{err[-4000:]}")
        return None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--tensors", action="store_true", help="libdiscreet was built")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()

    results = []
    for path in options.files:
        try:
            cases = case_file.read(path)
        except case_file.BadTest as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
        for case in cases:
            if options.only not in case.name:
                continue
            name = f"{path.stem}: {case.name}"
            started = time.monotonic()
            reason = why_skip(case, options)
            try:
                failure = None if reason else run_case(case, options)
            except case_file.BadTest as error:
                print(f"{path}: {case.name}: {error}", file=sys.stderr)
                return 2
            status = "skipped" if reason else "failed" if failure else "passed"
            seconds = time.monotonic() - started
            results.append({"name": name, "status": status, "seconds": round(seconds, 3),
                            "reason": reason or ""})
            print(f"{status:8}{name} ({seconds:.1f} s)" + (f": {reason}" if reason else ""))
            if failure:
                print("\n".join("    " + line for line in failure.splitlines()))
    if options.results:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(results, indent=1) + "\n")
    if not results:
        print("no case ran", file=sys.stderr)
        return 1
    return 1 if any(result["status"] == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
