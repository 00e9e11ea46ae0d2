"""Processes for the frameworks: a Keras process has one backend, and dtype switches hold for a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from comparisons.implementations import IMPLEMENTATIONS

ROOT = Path(__file__).parents[2]
OBSERVE, OBSERVE_FAST = (Path(__file__).with_name(f"{name}.py") for name in ("observe", "observe_fast"))
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def run_in_process(name: str, *arguments: str) -> str:
    """What Python with `arguments` prints, in a new process made for implementation `name`."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **QUIET, **IMPLEMENTATIONS[name].environment, "PYTHONPATH": path}
    process = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def run(require_or_skip: Callable[[str], None]) -> Callable[[str, str], str]:
    """A function of an implementation's name and Python source: what the source prints in a process of its own."""

    def run_source(name: str, source: str) -> str:
        require_or_skip(name)
        return run_in_process(name, "-c", source)

    return run_source


# An implementation's name, and cases where a script takes some, to the folder filled in a process of its own.
Observed = Callable[..., Path]


@pytest.fixture(scope="session")
def observed(require_or_skip: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What observe.py saw of an implementation in some cases."""
    return folders(OBSERVE, require_or_skip, tmp_path_factory)


@pytest.fixture(scope="session")
def observed_fast(require_or_skip: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """What observe_fast.py saw of an implementation."""
    return folders(OBSERVE_FAST, require_or_skip, tmp_path_factory)


def folders(script: Path, require_or_skip: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """A function of an implementation's name and cases: the folder that `script` filled, once for the same."""
    filled: dict[tuple[str, ...], Path] = {}

    def folder_of(name: str, cases: Sequence[str] = ()) -> Path:
        require_or_skip(name)
        if (name, *cases) not in filled:
            folder = tmp_path_factory.mktemp(name)
            assert run_in_process(name, str(script), name, str(folder), *cases) == "", "something was printed"
            filled[name, *cases] = folder
        return filled[name, *cases]

    return folder_of
