"""What is packaged, pinned and promised in pyproject.toml; and the test suite's own option --require."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
INITS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))


def pins() -> dict[str, Requirement]:
    """The lines of constraints.txt by canonical package name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def declared() -> list[Requirement]:
    """Every requirement in pyproject.toml, the project's own extras and included groups aside."""
    grouped = [line for group in GROUPS.values() for line in group if isinstance(line, str)]
    extra = [line for lines in EXTRAS.values() for line in lines]
    lines = [*PYPROJECT["build-system"]["requires"], *PROJECT["dependencies"], *extra, *grouped]
    requirements = [Requirement(line) for line in lines]
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


def test_data_files_are_found_as_resources():
    tables = [table for table in (resources.files("problems") / "data").iterdir() if table.name.endswith(".csv")]
    assert len(tables) >= 2
    assert all("," in table.read_text(encoding="utf-8").splitlines()[0] for table in tables)


@pytest.mark.parametrize("path", INITS, ids=lambda path: str(path.relative_to(ROOT)))
def test_package_init_lists_names_and_holds_no_code(path):
    assert [ast.unparse(node) for node in ast.parse(path.read_text(encoding="utf-8")).body if is_code(node)] == []


def is_code(node: ast.stmt) -> bool:
    """Whether `node` is anything but an import, a docstring or `__all__`."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return False
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return False
    return True


@pytest.mark.parametrize("source", ["x = 1", "def f(): ...", "if True:\n    import numpy", "print()", "__all__ += []"])
def test_code_in_a_package_init_is_recognized(source):
    (node,) = ast.parse(source).body
    assert is_code(node)


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert folders == {path.parent for path in INITS}


@pytest.mark.parametrize("name", sorted({canonicalize_name(requirement.name) for requirement in declared()}))
def test_constraints_pin_every_declared_dependency(name):
    assert name in pins()


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_pinned_version_is_one_that_pyproject_allows(requirement):
    (pin,) = pins()[canonicalize_name(requirement.name)].specifier
    assert requirement.specifier.contains(pin.version, prereleases=True)


def test_constraints_are_exact_and_the_same_on_every_machine():
    specifiers = [str(requirement.specifier) for requirement in pins().values()]
    assert [text for text in specifiers if not text.startswith("==") or "+" in text or "*" in text] == []


def test_core_dependencies_hold_no_framework():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names.isdisjoint(Requirement(line).name for line in [*EXTRAS["torch"], *EXTRAS["keras"], *EXTRAS["jax"]])


def test_extra_all_is_every_extra_but_that_of_the_tests():
    (every,) = (Requirement(line) for line in EXTRAS["all"])
    assert (every.name, every.extras) == (PROJECT["name"], EXTRAS.keys() - {"all", "test"})


IMPLEMENTATIONS = """
NAMES = ("present", "absent")
def installed(name): return name == "present"
def install_command(name): return f"pip install {name}"
"""
CROSSCHECK = """
def test_present(require_or_skip): require_or_skip("present")
def test_absent(require_or_skip): require_or_skip("absent")
"""


@pytest.fixture
def suite(tmp_path):
    """A folder with this suite's conftest.py, two implementations of which one is missing, and a test of each."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "comparisons").mkdir()
    (tmp_path / "comparisons" / "__init__.py").touch()
    (tmp_path / "comparisons" / "implementations.py").write_text(IMPLEMENTATIONS, encoding="utf-8")
    (tmp_path / "test_crosscheck.py").write_text(CROSSCHECK, encoding="utf-8")
    return tmp_path


REQUIRE = [
    ([], 0, "1 passed, 1 skipped", "absent is not installed: pip install absent"),
    (["--require", "present"], 0, "1 passed, 1 skipped", "absent is not installed: pip install absent"),
    (["--require", "present,absent"], 1, "1 failed, 1 passed", "--require absent: absent is not installed"),
    (["--require", "present", "--require", "absent"], 1, "1 failed, 1 passed", "pip install absent"),
    (["--require", "all"], 1, "1 failed, 1 passed", "--require absent"),
    (["--require", "abcent"], 4, "'abcent' is not an implementation", "choose from: all, present, absent"),
]


@pytest.mark.parametrize(("arguments", "code", "summary", "reason"), REQUIRE, ids=lambda value: str(value))
def test_require_fails_where_an_implementation_would_be_skipped(suite, arguments, code, summary, reason):
    process = ran(suite, "-rs", *arguments)
    output = process.stdout + process.stderr
    assert (process.returncode, summary in output, reason in output) == (code, True, True), output


def ran(folder, *arguments):
    """pytest in `folder`, without the plugins of this project's own environment."""
    without = [f"-pno:{plugin}" for plugin in ("xdist", "cacheprovider", "backproof")]
    command = [sys.executable, "-m", "pytest", *without, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


EVERY_DAY_AND_LONG = """
import pytest
def test_sample(): pass
@pytest.mark.long
def test_campaign(): pass
"""


@pytest.mark.parametrize(("arguments", "name"), [([], "test_sample"), (["--long"], "test_campaign")])
def test_long_tests_are_left_out_unless_asked_for_alone(suite, arguments, name):
    (suite / "test_crosscheck.py").write_text(EVERY_DAY_AND_LONG, encoding="utf-8")
    output = ran(suite, "-v", *arguments).stdout
    assert "1 passed, 1 deselected" in output
    assert f"::{name} PASSED" in output
