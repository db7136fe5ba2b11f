"""What messages and pages tell users to set or to call exists.

Keys ("privacy.mechanism") in the program's strings, in the pages and in the comments of recipes must be
keys of the configuration; flags ("--hold-out") and verbs ("discreet resume") that the program's strings
name must be those of a verb.
"""
import json
import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = SOURCE / "docs" / "schemas"
PROGRAM = os.environ.get("DISCREET_PROGRAM") or str(SOURCE / "build" / "discreet")
FILES = "json|jsonl|toml|cpp|h|md|py|safetensors|csv|tsv|txt|gz|html|npy|h5|test|proto|onnx"
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
# Options of other programs that our messages name.
FOREIGN_FLAGS = {"--no-python", "--nproc-per-node", "--nnodes", "--rdzv-endpoint", "--merge"}


def ask(*arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DISCREET_")}
    result = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, f"{arguments}: {result.stderr}"
    return result.stdout


def configuration_keys():
    sections = [row["name"] for row in json.loads(ask("list", "section", "--json"))["results"]]
    keys = {}
    for name in sections:
        for entry in json.loads(ask("explain", f"section/{name}", "--json"))["results"]:
            keys[name] = {field["name"] for field in entry["fields"]}
    return keys


def keys_in(text, sections):
    """(section, key) of all that reads like a key: neither a file's name, nor a schema's, nor a member."""
    pattern = rf"(?<![\w./\-])({'|'.join(sections)})\.([a-z][a-z0-9_]*)(?![\w(/]|\.[a-z])"
    return {(m.group(1), m.group(2)) for m in re.finditer(pattern, text)
            if not re.fullmatch(FILES, m.group(2)) and not (SCHEMAS / f"{m.group(0)}.json").exists()}


def literals(path):
    """The strings of a C++ file, neighbours joined as the compiler joins them; no includes."""
    code = re.sub(r"^\s*#include.*$", "", path.read_text(), flags=re.MULTILINE)
    code = re.sub(r'(?<!\\)"\s*\n\s*"', "", code)
    code = re.sub(r"^\s*//.*$", "", code, flags=re.MULTILINE)
    return LITERAL.findall(code)


def program_sources():
    return sorted(p for suffix in ("*.cpp", "*.h") for p in (SOURCE / "discreet").rglob(suffix))


def help_of_verbs():
    """All help texts, by verb."""
    texts, open_verbs = {}, [()]
    while open_verbs:
        verb = open_verbs.pop()
        texts[" ".join(verb)] = text = ask(*verb, "--help")
        part = re.search(r"^Subcommands:\n((?:  .*\n?)+)", text, re.MULTILINE)
        for line in part.group(1).splitlines() if part else []:
            if re.match(r"  [a-z]", line):
                open_verbs.append((*verb, line.split()[0]))
    return texts


class Hints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = configuration_keys()

    def wrong_keys(self, text):
        return sorted(f"{section}.{key}" for section, key in keys_in(text, self.keys)
                      if key not in self.keys[section])

    def test_keys_in_strings_are_keys(self):
        self.assertGreater(len(self.keys), 4)
        found = 0
        for path in program_sources():
            with self.subTest(file=str(path.relative_to(SOURCE))):
                text = "\n".join(literals(path))
                found += len(keys_in(text, self.keys))
                self.assertEqual(self.wrong_keys(text), [])
        self.assertGreater(found, 50)

    def test_keys_in_pages_and_recipes_are_keys(self):
        pages = [SOURCE / "README.md", *(SOURCE / "docs").glob("*.md"), *(SOURCE / "recipes").iterdir()]
        for path in sorted(pages):
            with self.subTest(file=str(path.relative_to(SOURCE))):
                self.assertEqual(self.wrong_keys(path.read_text()), [])

    def test_flags_and_verbs_in_strings_exist(self):
        helps = help_of_verbs()
        self.assertGreater(len(helps), 15)
        flags = FOREIGN_FLAGS.union(*(re.findall(r"--[a-z][a-z0-9-]*", text) for text in helps.values()))
        first_words = {verb.split()[0] for verb in helps if verb}
        for path in program_sources():
            with self.subTest(file=str(path.relative_to(SOURCE))):
                text = "\n".join(literals(path))
                named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))
                self.assertEqual(sorted(named - flags), [])
                verbs = set(re.findall(r"[`:] ?discreet ([a-z]+)", text))
                self.assertEqual(sorted(verbs - first_words), [])

    def test_a_wrong_key_would_be_seen(self):
        self.assertEqual(self.wrong_keys("set data.coding = 1"), ["data.coding"])
        self.assertEqual(self.wrong_keys("discreet.data.get/1, data.jsonl, run.unit(), x/train.step"), [])


if __name__ == "__main__":
    unittest.main()
