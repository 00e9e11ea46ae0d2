"""Names of implementations, the modules behind them, what they need, and whether it is installed.

Nothing here imports a framework: a module is loaded by `load`, in the process that trains with it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from comparisons.devices import CPU, DEVICES
from problems.block import Block
from problems.problem import Problem
from problems.step import Step


class Trainer(Protocol):
    """What every implementation's module offers."""

    def train(self, problem: Problem) -> Iterator[Step | Block]:
        """Every step of training `problem`, one by one or in blocks; NotImplementedError for what it cannot express."""

    def versions(self, problem: Problem) -> dict[str, str]:
        """Package name to version, of those that training `problem` runs on."""


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """packages: what must be importable; install: what to give pip for them, nothing where the core suffices;
    environment: variables its process is started with; devices: what it trains on, the CPU first;
    fast: the module that trains many steps in one call, where there is one."""

    name: str
    module: str
    packages: tuple[str, ...] = ("numpy",)
    install: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = (CPU,)
    fast: str | None = None

    @property
    def by_hand(self) -> bool:
        """Whether it needs no framework and so no process of its own."""
        return self.install is None

    def device_for(self, asked: str) -> str:
        """The device it trains on where `asked` is asked for: the CPU where it knows no other."""
        return asked if asked in self.devices else CPU


def _keras(backend: str, package: str, install: str, fast: str | None = None) -> Implementation:
    return Implementation(
        name=f"keras-{backend}",
        module="frameworks.keras_mlp",
        packages=("keras", package),
        install=install,
        environment={"KERAS_BACKEND": backend},
        devices=DEVICES,
        fast=fast,
    )


IMPLEMENTATIONS = {
    one.name: one
    for one in (
        Implementation(name="manual-scalar", module="manual.nine_derivatives.train"),
        Implementation(name="manual-matrix", module="manual.train"),
        Implementation(
            name="torch",
            module="frameworks.torch_mlp",
            packages=("torch",),
            install="'backproof[torch]'",
            devices=DEVICES,
        ),
        _keras("tensorflow", "tensorflow", "'backproof[keras]'", fast="frameworks.keras_tensorflow_loop"),
        _keras("torch", "torch", "'backproof[torch]' keras"),
        _keras("jax", "jax", "'backproof[jax]' keras", fast="frameworks.keras_jax_scan"),
        Implementation(
            name="jax",
            module="frameworks.jax_mlp",
            packages=("jax", "optax"),
            install="'backproof[jax]'",
            devices=DEVICES,
            fast="frameworks.jax_scan",
        ),
        Implementation(
            name="sklearn", module="frameworks.sklearn_mlp", packages=("sklearn",), install="'backproof[sklearn]'"
        ),
    )
}
NAMES = tuple(IMPLEMENTATIONS)
# By how long their import and a short training take.
LONGEST_FIRST = (
    "keras-torch",
    "keras-tensorflow",
    "keras-jax",
    "torch",
    "sklearn",
    "jax",
    "manual-matrix",
    "manual-scalar",
)
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # what pip calls a package, where that is another name


def missing_packages(name: str) -> tuple[str, ...]:
    """The packages that implementation `name` needs and this environment lacks."""
    return tuple(package for package in IMPLEMENTATIONS[name].packages if importlib.util.find_spec(package) is None)


def installed(name: str) -> bool:
    """Whether everything that implementation `name` needs can be imported; nothing is imported to find out."""
    return not missing_packages(name)


def install_command(name: str) -> str:
    """The command that installs what implementation `name` needs."""
    return f"pip install {IMPLEMENTATIONS[name].install or 'backproof'}"


def version(name: str) -> str:
    """The installed versions in one line, such as `keras 3.15.1, jax 0.10.2`, read without importing."""
    return ", ".join(f"{package} {package_version(package)}" for package in IMPLEMENTATIONS[name].packages)


def package_version(package: str) -> str:
    """The installed version of a package that can be imported, read without importing it."""
    for distribution in (DISTRIBUTIONS.get(package, package), f"{package}-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "(unknown version)"


def unable(name: str, why: NotImplementedError) -> str:
    """Why implementation `name` cannot train, without its or its library's name in front: it is shown beside that."""
    library, _, _ = name.partition("-")
    return str(why).removeprefix(f"{name}: ").removeprefix(f"{library}: ")


def load(name: str, *, fast: bool = False) -> Trainer:
    """Import the module behind `name`, and with it its framework; fast: the one of many steps in one call, if any."""
    one = IMPLEMENTATIONS[name]
    return cast(Trainer, importlib.import_module(one.fast if fast and one.fast else one.module))
