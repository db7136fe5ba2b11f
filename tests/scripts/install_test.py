"""An installed copy works: the program runs, and the examples build against the package and run."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DISCREET_BINARY_DIR") or SOURCE / "build")


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise AssertionError(f"{command}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="discreet-install-"))
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.tensors = any(cls.prefix.glob("lib*/libdiscreet.so"))
        cls.build = cls.folder / "examples"
        # What links libraries with a sanitizer in them must bring its run time.
        sanitized = "DISCREET_SANITIZE:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()
        run("cmake", "-S", SOURCE / "examples", "-B", cls.build, "-DCMAKE_BUILD_TYPE=Release",
            f"-DCMAKE_CXX_FLAGS={'-fsanitize=address,undefined' if sanitized else ''}",
            f"-DCMAKE_PREFIX_PATH={cls.prefix}")
        run("cmake", "--build", cls.build)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def test_the_installed_program_runs_from_its_own_libraries(self):
        program = self.prefix / "bin" / "discreet"
        self.assertIn("discreet 0.", run(program, "--version"))
        self.assertIn("accountant prv", run(program, "list", "accountant"))
        linked = run("ldd", program)
        self.assertIn(str(self.prefix), linked)
        self.assertNotIn(str(BUILD), linked)
        if self.tensors:
            self.assertIn("libtorch    2.", run(program, "doctor"))

    def test_headers_are_the_public_ones(self):
        headers = list((self.prefix / "include" / "discreet").rglob("*.h"))
        self.assertGreater(len(headers), 30)
        self.assertEqual([h for h in headers if "internal" in h.parts or "cli" in h.parts], [])

    def test_the_epsilon_example_prints_the_reference_values(self):
        """Sigma 1, rate .01, 1000 steps, delta 1e-5: RDP on Opacus' orders 2.10136527, Opacus' PRV
        upper value 1.83837164."""
        lines = dict(line.split(": epsilon ") for line in run(self.build / "epsilon").splitlines())
        self.assertAlmostEqual(float(lines["rdp"]), 2.10136527, delta=1e-4)
        self.assertAlmostEqual(float(lines["prv"]), 1.83837164, delta=1e-4)

    def test_the_train_example_trains_and_states_its_guarantee(self):
        if not self.tensors:  # the library that it would load was not built: it must say so
            result = subprocess.run([self.build / "train", self.folder / "run"], capture_output=True, text=True)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("libdiscreet.so: not there", result.stderr)
            return
        printed = run(self.build / "train", self.folder / "run", "data.train=assistant:lines=600,seed=1",
                      "data.test=assistant:lines=300,seed=1,split=test", "model.kind=bow", "train.steps=20",
                      env={**os.environ, "OMP_NUM_THREADS": "1"})
        accuracy, epsilon = re.match(r"intent accuracy (\S+) at epsilon (\S+), delta 1e-05", printed).groups()
        self.assertLessEqual(float(accuracy), 1)
        self.assertLessEqual(float(epsilon), 8)
        self.assertGreater(float(epsilon), 1)
        self.assertTrue((self.folder / "run" / "privacy.json").exists())


if __name__ == "__main__":
    unittest.main()
