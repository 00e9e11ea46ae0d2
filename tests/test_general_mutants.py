"""A small sample of tests/campaigns/general_mutants.py: mistakes in any network and optimizer are noticed and named."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def campaign(monkeypatch):
    """The module of the campaign."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "campaigns"))
    return importlib.import_module("general_mutants")


def test_mistakes_in_random_networks_are_noticed_and_named(campaign):
    formulas, updates, *_ = campaign.run(problems=4, each=4, seed=0)
    assert formulas.missed == updates.missed == []
    assert formulas.planted == formulas.noticed == formulas.named == 16
    assert updates.named >= 0.9 * updates.planted > 0
