"""Who may import whom, read from the source: the sides share data and never arithmetic."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("problems", "manual", "frameworks", "comparisons")

# What a module may import besides the standard library; the entry of the longest name that fits holds.
# A package may import itself, except for frameworks: each module there is on its own, its library's optimizers aside.
CORE = {
    "click",
    "flint",
    "jinja2",
    "markupsafe",
    "numpy",
    "pandas",
    "rich",
    "scipy",
    "sympy",
    "threadpoolctl",
    "vl_convert",
}
ALLOWED = {
    "problems": {"numpy", "problems"},
    "problems.tables": {"numpy", "sklearn", "problems"},  # its tables alone
    "problems.store_columns": {"numpy", "zarr", "problems"},  # a trace in a folder
    "problems.store_checksums": {"google_crc32c", "problems"},  # Zarr's own checksum
    "manual": {"numpy", "scipy", "problems", "manual"},
    "manual.recording.running": {"numpy", "numba", "problems", "manual"},
    "frameworks": set[str](),
    "frameworks.torch_mlp": {"numpy", "torch", "problems", "frameworks.torch_optimizers"},
    "frameworks.torch_optimizers": {"torch", "problems"},
    "frameworks.absent": set[str](),
    "frameworks.keras_alone": {"keras", "frameworks.absent"},
    "frameworks.keras_mlp": {
        "numpy",
        "problems",
        "frameworks.keras_alone",
        "frameworks.keras_optimizers",
        "frameworks.keras_backends",
    },
    # the switches of the library that Keras runs on, and whether it has a GPU
    "frameworks.keras_backends": {"jax", "tensorflow", "torch", "frameworks.keras_alone"},
    "frameworks.keras_optimizers": {"problems", "frameworks.keras_alone"},
    # many steps in one call: the same step in a loop of the library's own
    "frameworks.keras_jax_scan": {"numpy", "jax", "problems", "frameworks.keras_mlp", "frameworks.keras_backends"},
    "frameworks.keras_tensorflow_loop": {
        "tensorflow",
        "problems",
        "frameworks.keras_mlp",
        "frameworks.keras_backends",
    },
    "frameworks.jax_scan": {"jax", "problems", "frameworks.jax_mlp"},
    "frameworks.jax_mlp": {"numpy", "jax", "optax", "problems", "frameworks.jax_optimizers"},
    "frameworks.jax_optimizers": {"jax", "optax", "problems"},
    "frameworks.sklearn_mlp": {"numpy", "sklearn", "problems", "frameworks.absent"},
    "comparisons.compiled_passes": {"numpy", "numba", "comparisons.arithmetic", "problems"},  # loops that it compiles
    "comparisons": {*CORE, "problems", "manual", "comparisons"},
    "comparisons.campaign": {*CORE, "distributed", "joblib", "problems", "comparisons"},
    "comparisons.pytest_plugin": {"pytest", "comparisons", "problems"},
}
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "optax", "sklearn")


def sources() -> dict[str, str]:
    """The source of each of our modules, by its dotted name."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {module_name(path): path.read_text(encoding="utf-8") for path in paths}


def module_name(path: Path) -> str:
    """The dotted name that `path` is imported by; a package's own code is `package.__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(module: str, source: str) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of everything that `source` imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The module that a `from` import names, a relative one counted from `module`."""
    package = module.split(".")[: -node.level] if node.level else []
    return ".".join([*package, *(node.module or "").split(".")]).strip(".")


def imports_by_name(source: str) -> Iterator[int]:
    """The lines that call import_module or __import__."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield node.lineno


def longest_known(name: str, known: Iterable[str]) -> str | None:
    """`name`, or the nearest package above it, that is among `known`."""
    parts = name.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in known), None)


def violations(module: str, source: str) -> list[str]:
    """Every import of `source` that the table does not allow `module`, as text."""
    allowed = ALLOWED[longest_known(module, ALLOWED) or module] | sys.stdlib_module_names
    found = [
        f"{module}, line {line}: imports {name}"
        for line, name in imports(module, source)
        if longest_known(name, allowed) is None
    ]
    if not module.startswith("comparisons."):
        found += [f"{module}, line {line}: imports by name" for line in imports_by_name(source)]
    return found


def import_cycle(modules: Mapping[str, str]) -> list[str]:
    """The names of modules that import each other in a circle, or nothing."""
    known = {name.removesuffix(".__init__"): name for name in modules}
    graph = {module: imported_ours(module, source, known) for module, source in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def imported_ours(module: str, source: str, known: Mapping[str, str]) -> set[str]:
    """Those of our modules that `source` imports."""
    nearest = (longest_known(name, known) for _, name in imports(module, source))
    return {known[name] for name in nearest if name is not None}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_modules_to_check(package):
    assert any(module.startswith(f"{package}.") for module in sources())


@pytest.mark.parametrize(("module", "source"), sources().items(), ids=sources())
def test_imports_only_what_the_table_allows(module, source):
    assert violations(module, source) == []


def test_no_import_cycle():
    assert import_cycle(sources()) == []


PLANTED = [
    ("problems.problem", "import manual", "imports manual"),
    ("problems.problem", "from comparisons import verdict", "imports comparisons.verdict"),
    ("problems.problem", "import torch", "imports torch"),
    ("problems.trace_store", "import zarr", "imports zarr"),
    ("manual.dense", "def f():\n    import torch.nn as nn", "line 2: imports torch.nn"),
    ("manual.dense", "import pandas", "imports pandas"),
    ("manual.dense", "from comparisons.arithmetic import bounds", "imports comparisons.arithmetic.bounds"),
    ("manual.dense", "from ..frameworks import torch_mlp", "imports frameworks.torch_mlp"),
    ("manual.nine_derivatives.regression", "from ...frameworks import jax_mlp", "imports frameworks.jax_mlp"),
    ("manual.dense", "__import__('torch')", "imports by name"),
    ("manual.dense", "import importlib\nimportlib.import_module('torch')", "line 2: imports by name"),
    ("frameworks.torch_mlp", "from manual.losses import LOSSES", "imports manual.losses.LOSSES"),
    ("frameworks.torch_mlp", "from frameworks import jax_mlp", "imports frameworks.jax_mlp"),
    ("frameworks.torch_mlp", "from . import jax_mlp", "imports frameworks.jax_mlp"),
    ("frameworks.torch_mlp", "from frameworks.jax_optimizers import made", "imports frameworks.jax_optimizers.made"),
    ("frameworks.torch_mlp", "import frameworks", "imports frameworks"),
    ("frameworks.keras_optimizers", "from frameworks.keras_mlp import build", "imports frameworks.keras_mlp.build"),
    ("frameworks.jax_optimizers", "import torch", "imports torch"),
    ("frameworks.sklearn_mlp", "from manual.optimizers import sgd", "imports manual.optimizers.sgd"),
    ("frameworks.torch_mlp", "import jax", "imports jax"),
    ("frameworks.keras_mlp", "import torch", "imports torch"),
    ("frameworks.unheard_of", "import numpy", "imports numpy"),
    ("frameworks.__init__", "from frameworks.torch_mlp import train", "imports frameworks.torch_mlp.train"),
    ("comparisons.workers", "def f():\n    import frameworks.torch_mlp", "imports frameworks.torch_mlp"),
    ("comparisons.workers", "from ..frameworks import torch_mlp", "imports frameworks.torch_mlp"),
    ("comparisons.workers", "if TYPE_CHECKING:\n    import keras", "line 2: imports keras"),
]


@pytest.mark.parametrize(("module", "source", "expected"), PLANTED)
def test_planted_violation_is_found(module, source, expected):
    (violation,) = violations(module, source)
    assert expected in violation


ALLOWED_SOURCES = [
    ("problems.files", "import tomllib\nfrom pathlib import Path\nimport numpy\nfrom .problem import Problem"),
    ("manual.dense", "import numpy as np\nfrom problems import Problem\nfrom . import losses"),
    ("frameworks.torch_mlp", "from torch import nn\nfrom problems.step import Step"),
    ("frameworks.torch_mlp", "from frameworks.torch_optimizers import made"),
    ("comparisons.workers", "from importlib import import_module\nimport_module('frameworks.torch_mlp')"),
    ("comparisons.arithmetic.exact", "from flint import arb\nfrom .. import verdict\nfrom ..arithmetic import bounds"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED_SOURCES)
def test_allowed_import_is_not_a_violation(module, source):
    assert violations(module, source) == []


CIRCLES = [
    {"manual.a": "import manual.b", "manual.b": "from manual.a import f"},
    {"manual.a": "def f():\n    from . import b", "manual.b": "from .a import f"},
    {"manual.__init__": "from manual.a import f", "manual.a": "from manual import g"},
    {"manual.a": "import manual.b", "manual.b": "import manual.c", "manual.c": "import manual.a"},
]


@pytest.mark.parametrize("modules", CIRCLES)
def test_planted_cycle_is_found(modules):
    assert set(import_cycle(modules)) == set(modules)


def test_chain_and_package_that_lists_its_modules_are_no_cycle():
    modules = {"manual.__init__": "from manual.a import f", "manual.a": "from manual import b", "manual.b": ""}
    assert import_cycle(modules) == []


def loaded_by(modules: Iterable[str]) -> set[str]:
    """The top-level modules that a new process holds after importing `modules`."""
    code = f"import sys\nimport {', '.join(modules)}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return set(process.stdout.split())


def importable(package: str) -> list[str]:
    """The name of each module of `package`, as an import statement has it."""
    return [name.removesuffix(".__init__") for name in sources() if name.startswith(f"{package}.")]


@pytest.mark.parametrize(
    "modules", [["problems"], ["manual"], importable("manual")], ids=["problems", "manual", "all of manual"]
)
def test_importing_manual_or_problems_loads_no_framework_and_no_heavy_library(modules):
    assert loaded_by(modules).isdisjoint({*FRAMEWORKS, "pandas", "sympy", "flint", "zarr"})


def test_importing_comparisons_loads_no_framework():
    assert loaded_by(importable("comparisons")).isdisjoint({*FRAMEWORKS, "frameworks", "zarr"})
