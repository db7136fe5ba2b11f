"""Every recipe parses, begins with the command that runs it, and survives a dump."""
import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DISCREET_PROGRAM") or str(SOURCE / "build" / "discreet")


def validate(*arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DISCREET_")}
    return subprocess.run([PROGRAM, "validate", *map(str, arguments)], capture_output=True, text=True,
                          env=environment, cwd=SOURCE)


class Recipes(unittest.TestCase):
    def test_each_recipe_is_valid_and_its_dump_too(self):
        for recipe in sorted((SOURCE / "recipes").glob("*.toml")):
            with self.subTest(recipe=recipe.name):
                result = validate(recipe, "--dump")
                self.assertEqual(result.returncode, 0, result.stderr)
                again = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"discreet-{os.getpid()}.toml"
                again.write_text(result.stdout)
                try:
                    self.assertEqual(validate(again, "--dump").stdout, result.stdout)
                finally:
                    again.unlink()

    def test_each_recipe_begins_with_its_command(self):
        for recipe in sorted((SOURCE / "recipes").glob("*.toml")):
            with self.subTest(recipe=recipe.name):
                first = recipe.read_text().splitlines()[0]
                self.assertTrue(re.match(r"# discreet \w+", first), f"{recipe.name}: '{first}'")
                self.assertIn(recipe.stem, first)

    def test_a_recipe_with_a_wrong_key_would_be_seen(self):
        wrong = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"discreet-wrong-{os.getpid()}.toml"
        wrong.write_text("[train]\nbatchsize = 1\n")
        try:
            self.assertEqual(validate(wrong).returncode, 2)
        finally:
            wrong.unlink()


if __name__ == "__main__":
    unittest.main()
