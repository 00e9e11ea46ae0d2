"""Sessions: `nox -l` lists them. Every environment is made by pip from pyproject.toml, held to constraints.txt."""

from __future__ import annotations

import json
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typecheck", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
CONSTRAINTS = Path("constraints.txt").resolve()

# What each implementation needs, and nothing else. The keras extra brings TensorFlow; Keras alone needs only a backend.
CROSSCHECKS = {
    "manual-scalar": (".[test]",),
    "manual-matrix": (".[test]",),
    "torch": (".[torch,test]",),
    "keras-tensorflow": (".[keras,test]",),
    "keras-torch": (".[torch,test]", "keras"),
    "keras-jax": (".[jax,test]", "keras"),
    "jax": (".[jax,test]",),
    "sklearn": (".[sklearn,test]",),
}


def install(session: nox.Session, *requirements: str) -> None:
    """Install `requirements` in the session's environment at the versions of constraints.txt."""
    session.install("-c", str(CONSTRAINTS), *requirements)


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group of pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The everyday tests with every framework, on each Python version; arguments go to pytest."""
    install(session, "-e", ".[all,test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def long(session: nox.Session) -> None:
    """The tests that the everyday ones take a sample of, on two cores; arguments go to pytest."""
    install(session, "-e", ".[all,test]")
    session.run("python", "-m", "pytest", "--long", "-n", "2", "--require", "all", *session.posargs)


@nox.session
@nox.parametrize("implementation", [nox.param(name, id=name) for name in CROSSCHECKS])
def crosscheck(session: nox.Session, implementation: str) -> None:
    """One implementation against the formulas, where only its framework is installed; arguments go to pytest."""
    install(session, "-e", *CROSSCHECKS[implementation])
    session.run("python", "-m", "pytest", "tests/test_crosscheck.py", "--require", implementation, *session.posargs)


@nox.session
def false_alarms(session: nox.Session) -> None:
    """Random steps of every implementation against the bound; arguments go to the campaign (--steps N --seed S)."""
    install(session, "-e", ".[all]")
    session.run("python", "tests/campaigns/false_alarms.py", *session.posargs)


@nox.session
def any_network(session: nox.Session) -> None:
    """Random problems over all that can be trained; arguments go to the campaign (--problems N --everywhere M)."""
    install(session, "-e", ".[all]")
    session.run("python", "tests/campaigns/any_network_campaign.py", *session.posargs)


@nox.session
def general_mutants(session: nox.Session) -> None:
    """Mistakes planted in random networks, losses and optimizers; arguments go to the campaign (--problems N)."""
    install(session, "-e", ".")
    session.run("python", "tests/campaigns/general_mutants.py", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """A script of benchmarks/ with every peer installed; arguments: its name (by_hand, harness, ...), then its own."""
    name, *arguments = session.posargs or ["by_hand"]
    install(session, "-e", ".[all]", *group("benchmarks"))
    session.run("python", f"benchmarks/{name}.py", *arguments)


@nox.session
def mutation(session: nox.Session) -> None:
    """Mutate the comparing code and list what the tests leave alive; arguments go to `mutmut run` (names)."""
    install(session, "-e", ".[test]", *group("mutation"))
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and its layout; arguments go to `ruff check` (--fix)."""
    install(session, *group("lint"))
    session.run("ruff", "check", ".", *session.posargs)
    session.run("ruff", "format", "--check", ".")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Mypy, strict, without any framework; arguments go to mypy."""
    install(session, "-e", ".[test]", "nox", *group("typecheck"))
    session.run("mypy", *session.posargs)


@nox.session
def compare(session: nox.Session) -> None:
    """Write comparison.txt and comparison.json to the folder that the first argument names; others go to backproof."""
    folder = Path(session.posargs[0]) if session.posargs else Path(session.create_tmp())
    install(session, "-e", ".[all]")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "comparison.txt").open("w", encoding="utf-8") as text:
        json_file = str(folder / "comparison.json")
        session.run("backproof", "compare", "--json", json_file, *session.posargs[1:], stdout=text)
    session.log(f"written to {folder}")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist (into the folder that the first argument names, or dist), then use the wheel elsewhere."""
    folder = Path(*session.posargs[:1] or ["dist"]).resolve()
    install(session, *group("build"), *PROJECT["build-system"]["requires"])
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(folder), *session.posargs[1:])
    version = PROJECT["project"]["version"]
    compare_elsewhere(session, folder / f"backproof-{version}-py3-none-any.whl")


def compare_elsewhere(session: nox.Session, wheel: Path) -> None:
    """Run `backproof compare` from another folder, in an empty environment with the wheel and its core dependencies."""
    elsewhere = Path(session.create_tmp())
    binaries = elsewhere / "empty" / "bin"
    session.run("python", "-m", "venv", "--clear", str(elsewhere / "empty"))
    session.run(str(binaries / "pip"), "install", "-c", str(CONSTRAINTS), str(wheel), external=True)
    with session.chdir(elsewhere):
        session.run(str(binaries / "backproof"), "compare", "--json", "comparison.json", external=True)
    expect_only_manual(session, elsewhere / "comparison.json")


def expect_only_manual(session: nox.Session, comparison: Path) -> None:
    """End the session unless the manual implementations agree and every framework is skipped."""
    for problem in json.loads(comparison.read_text(encoding="utf-8"))["comparisons"]:
        for row in problem["implementations"]:
            expected = "agrees" if row["name"].startswith("manual-") else "skipped"
            if row["verdict"] != expected:
                session.error(f"{problem['problem']}: {row['name']} {row['verdict']}, expected: {expected}")
