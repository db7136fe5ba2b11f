"""Release builds join files: what one file keeps to itself must not bear another's name.

In each library and test program, two files of one namespace may not define the same thing in their
anonymous namespaces. Only the release preset would see it, minutes later, as a puzzling compile error.
"""
import collections
import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TENSOR = {"nn", "dp", "audit", "fairness", "federated", "mitigate", "tensor"}

# What begins at column 0 in an anonymous namespace: functions with their parameters, types, constants.
FUNCTION = re.compile(r"^(?:template <[^>]*>\s*\n)?(?!using |return |namespace |TEST|RC_GTEST|INSTANTIATE|else|class |struct |enum )"
                      r"[A-Za-z_][\w:<>,&\*\s\[\]]*?[\s&\*](\w+)\(([^;{}]*)\)[^;{}]*\{", re.MULTILINE)
TYPE = re.compile(r"^(?:class|struct|enum class|enum) (\w+)[^;]*?\{", re.MULTILINE)
CONSTANT = re.compile(r"^(?:static |inline )*(?:constexpr|const|std::atomic\S*) [^;(={]*?\b(\w+)(?:\[\w*\])*\s*(?:=|\{)", re.MULTILINE)


def target_of(path):
    parts = path.relative_to(SOURCE).parts
    if parts[:2] == ("discreet", "cli"):
        return "program"
    base = parts[1:3] == ("mitigate", "words") or (parts[1] == "federated" and parts[2] != "engine")
    tensor = (parts[1] in TENSOR and not base) or parts[1:3] == ("app", "ops")
    return parts[0] + (" tensor" if tensor else " base")


def anonymous_parts(text):
    """(enclosing namespace, text) of each anonymous namespace that begins and ends at column 0."""
    for match in re.finditer(r"^namespace \{\n(.*?)^\}  // namespace\n", text, re.MULTILINE | re.DOTALL):
        before = text[:match.start()]
        opened = re.findall(r"^namespace ([\w:]+) \{", before, re.MULTILINE)
        closed = len(re.findall(r"^\}  // namespace \S+", before, re.MULTILINE))
        yield "::".join(opened[:len(opened) - closed]), match.group(1)


def types_of(parameters):
    """"const std::string& a, int b" to "const std::string&, int": what tells overloads apart."""
    types = []
    for parameter in re.split(r",(?![^<]*>)", parameters):
        words = re.sub(r"\s*=.*$", "", " ".join(parameter.split()), flags=re.DOTALL)
        types.append(re.sub(r"(?<=[\s&*>])\w+$", "", words).strip())
    return ", ".join(types)


def names_of(text):
    for match in FUNCTION.finditer(text):
        yield f"{match.group(1)}({types_of(match.group(2))})"
    for pattern in (TYPE, CONSTANT):
        for match in pattern.finditer(text):
            yield match.group(1)


def clashes(files):
    owners = collections.defaultdict(set)
    for path in files:
        for namespace, text in anonymous_parts(path.read_text()):
            for name in names_of(text):
                owners[target_of(path), namespace, name].add(str(path.relative_to(SOURCE)))
    return sorted(f"{namespace}::{name}: {', '.join(sorted(paths))}"
                  for (_, namespace, name), paths in owners.items() if len(paths) > 1)


class UnityNames(unittest.TestCase):
    def test_no_two_files_keep_the_same_name_to_themselves(self):
        files = [p for folder in ("discreet", "tests") for p in (SOURCE / folder).rglob("*.cpp")]
        self.assertGreater(len(files), 50)
        self.assertEqual(clashes(files), [])

    def test_clashes_are_told_from_overloads(self):
        def names(body):
            text = "namespace discreet::x {\nnamespace {\n\n" + body + "\n}  // namespace\n}  // namespace discreet::x\n"
            return [(space, name) for space, part in anonymous_parts(text) for name in names_of(part)]

        self.assertEqual(names("double f(const std::string& a, int b) {\n  return 0;\n}"),
                         [("discreet::x", "f(const std::string&, int)")])
        self.assertEqual(names("bool f(int other) {\n}"), names("int f(int b = 3) {\n}"))
        self.assertNotEqual(names("bool f(int b) {\n}"), names("bool f(double b) {\n}"))
        self.assertEqual(names("struct S {\n  int a;\n};\nconstexpr int kA = 1;"),
                         [("discreet::x", "S"), ("discreet::x", "kA")])


if __name__ == "__main__":
    unittest.main()
