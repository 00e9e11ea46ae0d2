"""What a command loads before it has anything to do: start-up is imports, and each is made where it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = {"flint", "jinja2", "joblib", "numba", "pandas", "pyarrow", "rich", "scipy", "sympy", "vl_convert", "zarr"}
FRAMEWORKS = {"jax", "keras", "optax", "sklearn", "tensorflow", "torch"}

# Tells what is loaded where the first process of another program would start, and ends there.
TOLD_AT_THE_FIRST_PROCESS = """
import os, subprocess, sys

def told(*arguments, **options):
    print(*sys.modules, file=sys.__stdout__, flush=True)
    os._exit(0)

subprocess.Popen.__init__ = told
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """The modules whose names a new Python prints last, and their packages; `arguments` are the command's."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", code, *arguments]
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return {part for name in process.stdout.splitlines()[-1].split() for part in (name, name.split(".")[0])}


def test_the_package_alone_loads_nothing_of_it():
    assert "numpy" not in loaded("import sys, comparisons; print(*sys.modules)")


def test_public_names_are_there_all_the_same():
    code = "import sys, comparisons; comparisons.check(lambda p, x, y, rate: (0, p)); print(*sys.modules)"
    assert {"numpy", "manual", "comparisons.any_candidate"} <= loaded(code)


def test_help_loads_no_library_of_numbers():
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from comparisons.cli import main; main()"
    assert loaded(code, "--help").isdisjoint({*HEAVY, *FRAMEWORKS, "numpy"})


def test_compare_starts_its_workers_before_it_loads_what_judges_and_reports():
    code = f"{TOLD_AT_THE_FIRST_PROCESS}\nfrom comparisons.cli import main\nmain()"
    modules = loaded(code, "compare", "--against", "torch,manual-matrix")
    assert modules.isdisjoint({*HEAVY, *FRAMEWORKS, "comparisons.audit", "comparisons.sensitivity"})
    assert "comparisons" in modules


def test_a_worker_loads_its_framework_and_none_of_the_comparing():
    modules = loaded("import sys, comparisons.worker; print(*sys.modules)")
    assert modules.isdisjoint({*HEAVY, *FRAMEWORKS, "comparisons.any_candidate", "comparisons.audit", "manual"})
