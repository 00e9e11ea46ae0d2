"""Where a browser or what drives it is missing, tests of the pages are skipped; --require all makes them fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = "tests/browser/test_report.py"


def run(tmp_path: Path, lacking: str, *options: str) -> tuple[int, str]:
    """The exit code and output of one test of a page, without the program or package `lacking`."""
    environment = dict(os.environ)
    if lacking == "chromium":
        environment["PATH"] = str(tmp_path)
    else:
        (tmp_path / f"{lacking}.py").write_text("raise ImportError", encoding="utf-8")
        environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "pytest", CASE, "-k", "violation and 360 and light", "-p", "no:xdist", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    return done.returncode, done.stdout


@pytest.mark.parametrize("lacking", ["chromium", "playwright", "axe_playwright_python"])
def test_what_is_missing_fails_where_all_is_required(tmp_path, lacking):
    code, output = run(tmp_path, lacking, "--require", "all")
    assert code == 1
    assert "--require all: " in output
    assert lacking.replace("_", "-") in output


def test_what_is_missing_is_skipped_otherwise(tmp_path):
    code, output = run(tmp_path, "chromium")
    assert code == 0
    assert "1 skipped" in output
