"""scripts/bootstrap: where libtorch is taken from, what it says when it cannot, and no work twice."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Bootstrap(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.stamp = self.path / "build" / "bootstrap.stamp"

    def tearDown(self):
        self.folder.cleanup()

    def libtorch(self, name, below="share/cmake/Torch"):
        config = self.path / name / below
        config.mkdir(parents=True)
        (config / "TorchConfig.cmake").write_text("")
        return config

    def bootstrap(self, **environment):
        kept = {k: v for k, v in os.environ.items() if k not in ("DISCREET_TORCH", "Torch_DIR")}
        return subprocess.run([str(SOURCE / "scripts" / "bootstrap")], capture_output=True, text=True,
                              env={**kept, "BUILD": str(self.path / "build"), **environment})

    def found(self):
        return self.stamp.read_text().splitlines()[1]

    def test_a_named_folder_comes_first(self):
        named, other = self.libtorch("named"), self.libtorch("other")
        result = self.bootstrap(DISCREET_TORCH=str(self.path / "named"), Torch_DIR=str(other))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(self.found(), str(named))

    def test_torch_dir_comes_before_python(self):
        config = self.libtorch("other")
        self.assertEqual(self.bootstrap(Torch_DIR=str(config)).returncode, 0)
        self.assertEqual(self.found(), str(config))

    def test_pythons_torch_is_found_without_importing_it(self):
        config = self.libtorch("site/torch")
        (self.path / "site/torch/__init__.py").write_text("raise SystemExit('imported')\n")
        result = self.bootstrap(PYTHONPATH=str(self.path / "site"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.found(), str(config))

    def test_a_wrong_place_is_named(self):
        result = self.bootstrap(DISCREET_TORCH="/nowhere/at/all")
        self.assertEqual(result.returncode, 1)
        self.assertIn("DISCREET_TORCH=/nowhere/at/all: no TorchConfig.cmake", result.stderr)
        self.assertFalse(self.stamp.exists())

    def test_a_second_call_does_nothing(self):
        self.libtorch("named")
        environment = {"DISCREET_TORCH": str(self.path / "named")}
        self.bootstrap(**environment)
        before = self.stamp.stat().st_mtime_ns
        second = self.bootstrap(**environment)
        self.assertEqual((second.returncode, second.stderr), (0, ""))
        self.assertEqual(self.stamp.stat().st_mtime_ns, before)

    def test_another_libtorch_or_one_that_is_gone_is_looked_for_again(self):
        self.libtorch("named")
        again = self.libtorch("again")
        self.bootstrap(DISCREET_TORCH=str(self.path / "named"))
        self.bootstrap(DISCREET_TORCH=str(self.path / "again"))
        self.assertEqual(self.found(), str(again))
        (again / "TorchConfig.cmake").unlink()
        self.assertEqual(self.bootstrap(DISCREET_TORCH=str(self.path / "again")).returncode, 1)


if __name__ == "__main__":
    unittest.main()
