"""What each library means by a name: its defaults, the formula of ours that it computes, how to get another's."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from comparisons.implementations import install_command, package_version

# The packages of each library, and the implementation whose install command is given where one is missing.
LIBRARIES = {
    "torch": (("torch",), "torch"),
    "keras": (("keras",), "keras-tensorflow"),
    "jax": (("jax", "optax"), "jax"),
    "sklearn": (("sklearn",), "sklearn"),
}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One concept in one library.

    api: the dotted name of what is called; arguments: what it is given to be this concept at all; defaults: those of
    its parameters that matter here, as its signature has them; formula: what it computes, in our words; optimizer: of
    an update, `training.optimizer` of a problem file that says the same with the library's defaults, its learning
    rate left out; instead: how to get what other libraries compute.
    """

    concept: str
    library: str
    api: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    formula: str
    optimizer: Mapping[str, Any] | None = None
    instead: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """A meaning, and which versions of its library are installed: None where a package is missing."""

    meaning: Meaning
    version: str | None
    install: str


def told(meanings: Iterable[Meaning]) -> list[Told]:
    """Every meaning with what is installed; nothing is imported to find out."""
    return [
        Told(meaning=meaning, version=installed_version(packages), install=install_command(implementation))
        for meaning in meanings
        for packages, implementation in [LIBRARIES[meaning.library]]
    ]


def installed_version(packages: Iterable[str]) -> str | None:
    """The installed versions in one line, or None where one is missing."""
    if any(importlib.util.find_spec(package) is None for package in packages):
        return None
    return ", ".join(f"{package} {package_version(package)}" for package in packages)


def semantics_record(row: Told) -> dict[str, Any]:
    """One row as JSON has it."""
    meaning = row.meaning
    return {
        "concept": meaning.concept,
        "library": meaning.library,
        "version": row.version,
        "api": meaning.api,
        "arguments": dict(meaning.arguments),
        "defaults": dict(meaning.defaults),
        "formula": meaning.formula,
        "optimizer": None if meaning.optimizer is None else dict(meaning.optimizer),
        "instead": meaning.instead,
    }
