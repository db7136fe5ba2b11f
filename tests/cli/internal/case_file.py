"""Reads tests/cli/*.test into cases and steps."""
import dataclasses
import re


class BadTest(Exception):
    """A test file that is not what it should be."""


@dataclasses.dataclass
class Step:
    line: int
    command: str
    exit: int = 0
    json_lines: bool = False
    raw_json: bool = False
    checks: list = dataclasses.field(default_factory=list)

    def wants_document(self):
        """A single call of the program with --json whose stdout nobody takes away."""
        if self.json_lines or self.raw_json or "--json" not in self.command.split():
            return False
        return not re.search(r"[|>;&]", re.sub(r"2>\S*|'[^']*'|\"[^\"]*\"", "", self.command))


@dataclasses.dataclass
class Case:
    name: str
    line: int
    requires: list = dataclasses.field(default_factory=list)
    env: dict = dataclasses.field(default_factory=dict)
    timeout: float = 60
    files: list = dataclasses.field(default_factory=list)
    steps: list = dataclasses.field(default_factory=list)


def indented(lines, start):
    """The lines below `start` that begin with two spaces (or are empty inside the block)."""
    block = []
    end = start
    for i in range(start, len(lines)):
        if lines[i].startswith("  "):
            block += [""] * (i - end) + [lines[i][2:]]
            end = i + 1
        elif lines[i].strip():
            break
    return block, end


def read(path):
    lines = path.read_text().splitlines()
    cases = []
    i = 0
    while i < len(lines):
        line, number = lines[i], i + 1
        i += 1
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if key == "case":
            cases.append(Case(value, number))
            continue
        if not cases:
            raise BadTest(f"line {number}: expected 'case: NAME' first, got '{line}'")
        case = cases[-1]
        if key in ("file", "stdout", "stderr") and not value or key == "file":
            block, i = indented(lines, i)
        if not read_case_line(case, key, value, number, block if key == "file" else None):
            if not case.steps:
                raise BadTest(f"line {number}: '{line}' stands before any 'run:'")
            whole = block if key in ("stdout", "stderr") and not value else None
            read_step_line(case.steps[-1], key, value, number, whole)
    for case in cases:
        if not case.steps:
            raise BadTest(f"line {case.line}: case '{case.name}' runs nothing")
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise BadTest(f"two cases are called '{name}'")
    return cases


def read_case_line(case, key, value, number, block):
    """True if the line belongs to the case as a whole."""
    if key == "requires":
        for need in value.split():
            if need not in ("data", "tensors"):
                raise BadTest(f"line {number}: requires '{need}': expected data or tensors")
            case.requires.append(need)
    elif key == "env":
        name, equals, text = value.partition("=")
        if not equals:
            raise BadTest(f"line {number}: expected env: NAME=VALUE")
        case.env[name] = text
    elif key == "timeout":
        case.timeout = float(value)
    elif key == "file":
        case.files.append((value, block))
    elif key == "run":
        case.steps.append(Step(number, value))
    else:
        return False
    return True


def read_step_line(step, key, value, number, block):
    stream, _, verb = key.partition(" ")
    if key == "exit":
        step.exit = int(value)
    elif key == "json":
        if value == "lines":
            step.json_lines = True
        elif value == "raw":
            step.raw_json = True
        else:
            step.checks.append(("json", "stdout", value))
    elif key in ("exists", "absent"):
        step.checks.append((key, "", value))
    elif stream in ("stdout", "stderr") and verb in ("has", "lacks", "matches"):
        step.checks.append((verb, stream, value))
    elif stream in ("stdout", "stderr") and not verb and value == "empty":
        step.checks.append(("empty", stream, ""))
    elif stream in ("stdout", "stderr") and not verb and block is not None:
        step.checks.append(("block", stream, block))
    else:
        raise BadTest(f"line {number}: cannot read '{key}: {value}'")
