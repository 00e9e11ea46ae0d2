"""The Python of docs/python.md and docs/by_hand.md does what the pages say, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from comparisons.audit import audit
from comparisons.verdict import Verdict
from problems.trace_file import load_trace

ROOT = Path(__file__).parents[1]
BY_HAND = (ROOT / "docs" / "by_hand.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE)

pytest_plugins = ["pytester"]


def test_the_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    space = {}
    for block in BLOCKS:
        exec(block, space)
    assert "test_my_step" in space


def test_the_examples_by_hand_run():
    space = {}
    for block in BLOCK.findall(BY_HAND):
        exec(block, space)
    assert "ensemble" in space


def test_the_trace_of_the_page_about_audits_agrees(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    exec(block, {})
    assert audit(load_trace("mine.npz")).verdict is Verdict.AGREES


def test_the_example_of_the_fixture_passes(pytester):
    block = next(block for block in BLOCKS if "backproof(" in block)
    pytester.makepyfile(block.replace("examples/right.py", str(ROOT / "examples" / "right.py")))
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize("field", re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
def test_every_field_of_the_table_is_there(field):
    from comparisons.checking import Check

    assert field in Check.__dataclass_fields__ or hasattr(Check, field)
