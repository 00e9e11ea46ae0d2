"""Optional packages are not there while a library is imported, and there again afterwards."""

from __future__ import annotations

import importlib
import json
import sys

import pytest

from frameworks.absent import absent

# After the module behind an implementation is imported: what of `optional` was, and whether the rest can be.
EARLY_AND_LATE = """
import importlib, importlib.util, json, sys
importlib.import_module({module!r})
optional = [name for name in ("sklearn", "pandas", "jax") if importlib.util.find_spec(name)]
early = [name for name in optional if name in sys.modules]
late = [importlib.import_module(name).__name__ for name in optional]
print(json.dumps([early, late == optional]))
"""
NEEDED = {"keras-tensorflow": [], "keras-torch": [], "keras-jax": ["jax"], "sklearn": ["sklearn"]}


def test_a_package_is_absent_in_the_block_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with absent("colorsys", "json"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").rgb_to_hsv
    assert sys.modules["json"] is json


def test_it_is_there_again_after_a_failure():
    with pytest.raises(ZeroDivisionError), absent("no_such_package"):
        1 / 0  # noqa: B018
    assert "no_such_package" not in sys.modules


@pytest.mark.parametrize("name", NEEDED)
def test_a_library_is_imported_without_what_no_training_needs(name, run):
    module = "frameworks.sklearn_mlp" if name == "sklearn" else "frameworks.keras_mlp"
    assert json.loads(run(name, EARLY_AND_LATE.format(module=module))) == [NEEDED[name], True]
