"""Includes go one way: which module may include which, and what stays out of the base."""
import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BASE = {"core", "stats", "privacy", "text", "formats", "report", "federated", "mitigate/words",
        "mitigate/vectors", "mitigate/outcomes", "mitigate/secrets"}

# Directly allowed; what an allowed module may include is allowed too.
MAY_INCLUDE = {
    "core": [],
    "stats": ["core"],
    "privacy": ["stats"],
    "text": ["stats"],
    "formats": ["stats"],
    "report": ["stats"],
    "nn": ["privacy", "text", "formats", "report"],
    "dp": ["nn"],
    "fairness": ["nn"],
    "audit": ["dp"],
    "federated": ["privacy", "text", "formats", "report"],
    "federated/engine": ["dp", "federated"],
    "mitigate/words": ["text", "formats"],
    "mitigate/vectors": ["text", "formats"],
    "mitigate/outcomes": ["stats"],
    "mitigate/secrets": ["text", "formats"],
    "mitigate": ["dp", "mitigate/words", "mitigate/vectors", "mitigate/outcomes", "mitigate/secrets"],
    "app": ["audit", "fairness", "federated/engine", "mitigate"],
    "cli": ["app"],
}


def closure(module):
    allowed = {module}
    for direct in MAY_INCLUDE[module]:
        allowed |= closure(direct)
    return allowed


def module_of(name):
    """Of a path below discreet/: its folder, or the part of a folder that has rules of its own."""
    for part in ("federated/engine", "mitigate/words", "mitigate/vectors", "mitigate/outcomes", "mitigate/secrets"):
        if name.startswith(part + "/"):
            return part
    return name.split("/")[0]


def in_base(path):
    """Compiled into libdiscreet_base: no libtorch, directly or through a header."""
    parts = path.relative_to(SOURCE / "discreet").parts
    return module_of("/".join(parts)) in BASE or parts[0] == "cli" or (parts[0] == "app" and parts[1] != "ops")


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def sources():
    files = [p for p in (SOURCE / "discreet").rglob("*") if p.suffix in (".h", ".cpp")]
    assert len(files) > 50, "no sources found"
    return files


def is_torch(name):
    return name.startswith(("torch/", "ATen/", "c10/"))


class IncludeDirection(unittest.TestCase):
    def test_every_module_is_in_the_graph(self):
        modules = {module_of(str(p.relative_to(SOURCE / "discreet"))) for p in sources()}
        self.assertEqual(modules - set(MAY_INCLUDE), set(), "add the module to MAY_INCLUDE")

    def test_includes_go_one_way(self):
        wrong = []
        for path in sources():
            module = module_of(str(path.relative_to(SOURCE / "discreet")))
            for name in includes(path):
                match = re.match(r"discreet/(.+)", name)
                if match and module_of(match.group(1)) not in closure(module):
                    wrong.append(f"{path.relative_to(SOURCE)} includes {name}")
        self.assertEqual(wrong, [])

    def test_the_base_never_sees_libtorch(self):
        """Headers of app/ may be shared by both libraries, so what they reach is followed."""
        torch_headers = set()
        headers = {str(p.relative_to(SOURCE)): p for p in sources()}
        changed = True
        while changed:  # a header that includes such a header is one itself
            changed = False
            for name, path in headers.items():
                if name not in torch_headers and any(
                        is_torch(i) or i in torch_headers for i in includes(path)):
                    torch_headers.add(name)
                    changed = True
        self.assertIn("discreet/nn/torch.h", torch_headers)
        wrong = [name for name, path in headers.items() if in_base(path) and name in torch_headers]
        self.assertEqual(wrong, [])

    def test_internal_headers_stay_inside_their_module(self):
        wrong = []
        for path in sources():
            module = module_of(str(path.relative_to(SOURCE / "discreet")))
            for name in includes(path):
                match = re.match(r"discreet/(?:.*/)?internal/", name)
                if match and module_of(name.removeprefix("discreet/")) != module:
                    wrong.append(f"{path.relative_to(SOURCE)} includes {name}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
