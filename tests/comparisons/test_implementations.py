"""Names, what they need, and how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from comparisons.implementations import (
    IMPLEMENTATIONS,
    LONGEST_FIRST,
    NAMES,
    install_command,
    installed,
    load,
    missing_packages,
    unable,
    version,
)
from problems.catalogue import named_problem


def test_names_are_those_of_the_issue() -> None:
    frameworks = ("torch", "keras-tensorflow", "keras-torch", "keras-jax", "jax", "sklearn")
    assert NAMES == ("manual-scalar", "manual-matrix", *frameworks)


def test_each_has_its_turn() -> None:
    assert sorted(LONGEST_FIRST) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_only_manual_ones_are_by_hand(name: str) -> None:
    assert IMPLEMENTATIONS[name].by_hand == name.startswith("manual-")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("keras-")])
def test_keras_process_is_told_its_backend(name: str) -> None:
    implementation = IMPLEMENTATIONS[name]
    assert implementation.environment["KERAS_BACKEND"] == name.removeprefix("keras-")
    assert implementation.packages == ("keras", name.removeprefix("keras-"))


@pytest.mark.parametrize("name", NAMES)
def test_missing_packages_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert missing_packages(name) == IMPLEMENTATIONS[name].packages
    assert not installed(name)


@pytest.mark.parametrize("name", NAMES)
def test_install_command_asks_pip(name: str) -> None:
    assert install_command(name).startswith("pip install ")


@pytest.mark.parametrize("name", ["manual-scalar", "manual-matrix"])
def test_manual_modules_offer_train_and_versions(name: str) -> None:
    trainer, problem = load(name), named_problem("regression")
    assert callable(trainer.train)
    assert trainer.versions(problem).keys() == {"numpy"}
    assert version(name) == f"numpy {trainer.versions(problem)['numpy']}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sklearn", "sklearn: loss 'huber' is not in scikit-learn"),
        ("keras-jax", "keras: loss 'huber' is not in scikit-learn"),
        ("keras-jax", "keras-jax: loss 'huber' is not in scikit-learn"),
        ("jax", "loss 'huber' is not in scikit-learn"),
    ],
)
def test_why_it_cannot_is_said_without_its_name(name: str, said: str) -> None:
    assert unable(name, NotImplementedError(said)) == "loss 'huber' is not in scikit-learn"


def test_asking_what_is_installed_imports_no_framework() -> None:
    code = (
        "import sys; from comparisons.implementations import NAMES, installed, version\n"
        "for name in NAMES: installed(name) and version(name)\n"
        "print([m for m in ('torch', 'keras', 'tensorflow', 'jax', 'optax', 'sklearn') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
