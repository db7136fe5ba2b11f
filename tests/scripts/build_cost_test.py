"""The build stays cheap: few units see libtorch, and the script that counts them counts right."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DISCREET_BINARY_DIR") or SOURCE / "build")
loader = importlib.machinery.SourceFileLoader("build_cost", str(SOURCE / "scripts" / "build-cost"))
build_cost = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_cost", loader))
loader.exec_module(build_cost)


class BuildCost(unittest.TestCase):
    def test_at_most_forty_units_see_libtorch(self):
        heavy = sum(unit["heavy"] for unit in build_cost.units(BUILD))
        cache = (BUILD / "CMakeCache.txt").read_text()
        if "CMAKE_UNITY_BUILD:BOOL=ON" in cache or "CMAKE_UNITY_BUILD:UNINITIALIZED=ON" in cache:
            self.assertLessEqual(heavy, build_cost.LIMIT,
                                 "join units, or include nn/torch.h in fewer files: scripts/build-cost")
        tensors = "DISCREET_TENSORS:BOOL=ON" in cache
        self.assertEqual(heavy > 0, tensors)

    def test_a_unit_counts_if_it_reaches_libtorch_through_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "light.cpp").write_text('#include "discreet/core/error.h"\n#include <vector>\n')
            (folder / "heavy.cpp").write_text('#include "discreet/nn/torch.h"\n')
            (folder / "unity.cpp").write_text(f'#include "{folder}/light.cpp"\n#include "{folder}/heavy.cpp"\n')
            entries = [{"file": str(folder / name), "directory": str(folder),
                        "command": f"g++ -isystem {torch}/include -c {name} -o x.o"}
                       for name, torch in (("light.cpp", "/x/torch"), ("heavy.cpp", "/x/torch"),
                                           ("unity.cpp", "/x/torch"), ("heavy.cpp", "/usr"))]
            (folder / "compile_commands.json").write_text(json.dumps(entries))
            counted = [unit["heavy"] for unit in build_cost.units(folder)]
            self.assertEqual(counted, [False, True, True, False])


if __name__ == "__main__":
    unittest.main()
