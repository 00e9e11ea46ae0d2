"""Nanoseconds per training step of an ensemble: by hand against JAX, and against the machine's memory; medians.

python benchmarks/ensembles.py [--rounds R] [--members M] [--steps S] [--threads T]

100,000 trainings of the lesson's 2-2-1 network, each from its own parameters and at its own learning rate, 20 steps of
one row, the same rows for all; kept are the loss of every step and the parameters at the end. By hand: the lesson's
formulas as straight-line code on arrays. JAX: vmap of lax.scan over value_and_grad of the same formulas, jitted, with
the ensemble along the last axis (`jax`) and along the first (`jax-first-axis`); the ratio is to the faster of the two.
Each peer runs in a process of its own, pinned to T processors before anything is imported (Linux), in turns; compiling
is left out.

Memory: a STREAM triad, a = b + s c, over arrays far larger than the caches, compiled by Numba and run on as many
processors, says how many bytes a second this machine moves. A training must at least read its parameters and its rate
once, and write its parameters once and every loss: that many bytes at that speed are the limit, and the table says
which part of it is reached.

Below stand sweeps over learning rates, 20 epochs of the lesson's four rows: the ensemble in matrices and number by
number, in one process, in turns.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import median

import numpy as np

from problems.catalogue import named_problem
from problems.problem import Array, Problem

LESSONS, DTYPES = ("regression", "classification"), ("float64", "float32")
REPEATS = 5  # in a process, after one that warms up
TRIAD = 2**25  # numbers in an array of the triad
Run = Callable[[], object]
Kind = tuple[str, str]  # lesson and dtype


def given(problem: Problem, members: int, steps: int) -> tuple[dict[str, Array], Array, Array]:
    """Parameters (members, n_in, n_out), rates (members,) and rows (steps, 1)."""
    rng = np.random.default_rng(0)
    shapes = problem.network.parameter_shapes
    parameters = {name: rng.normal(size=(members, *shape)).astype(problem.dtype) for name, shape in shapes.items()}
    rates = np.geomspace(1e-6, 1e-4, members).astype(problem.dtype)
    return parameters, rates, rng.integers(len(problem.x), size=(steps, 1))


def by_hand(problem: Problem, members: int, steps: int) -> Run:
    """Straight-line code on arrays; what was made of the last run's parameters goes on in the next."""
    from manual.nine_derivatives.train import lesson, recorded_lesson
    from manual.recording.ensemble import Ensemble

    parameters, rates, rows = given(problem, members, steps)
    ensemble = Ensemble(problem, parameters, rates, recorded_lesson(lesson(problem), problem))
    return lambda: ensemble.train(rows)


def jax(problem: Problem, members: int, steps: int, axis: int = -1) -> Run:
    """The same by vmap and scan; what was made of the last run's parameters goes on in the next."""
    import jax as library
    import jax.numpy as jnp

    library.config.update("jax_enable_x64", problem.dtype == "float64")
    parameters, rates, rows = given(problem, members, steps)
    squash = library.nn.sigmoid if problem.name == "classification" else lambda z: z
    x, y = (jnp.asarray(table[rows]) for table in (problem.x, problem.y))  # (steps, 1, n)

    def loss(held: dict[str, library.Array], x: library.Array, y: library.Array) -> library.Array:
        hidden = squash(x @ held["W1"] + held["b1"])
        y_hat = squash(hidden @ held["W2"] + held["b2"])
        if problem.name == "classification":
            return jnp.mean(-y * jnp.log(y_hat) - (1 - y) * jnp.log(1 - y_hat))
        return jnp.mean((y - y_hat) ** 2)

    def train(held: dict[str, library.Array], rate: library.Array) -> tuple[dict[str, library.Array], library.Array]:
        def step(held, row):
            found, slopes = library.value_and_grad(loss)(held, *row)
            return {name: theta - rate * slopes[name] for name, theta in held.items()}, found

        return library.lax.scan(step, held, (x, y))

    ensemble = library.jit(library.vmap(train, in_axes=(axis, 0), out_axes=axis))
    state = [{name: jnp.asarray(np.moveaxis(values, 0, axis).copy()) for name, values in parameters.items()}]
    rates = jnp.asarray(rates)

    def run() -> None:
        state[0], _ = library.block_until_ready(ensemble(state[0], rates))

    return run


def jax_first_axis(problem: Problem, members: int, steps: int) -> Run:
    """The same with the ensemble along the first axis of everything."""
    return jax(problem, members, steps, axis=0)


def triad_bandwidth() -> float:
    """Bytes a second of a = b + s c: two arrays read, one written."""
    import numba

    @numba.njit(parallel=True)
    def triad(a: Array, b: Array, c: Array, s: float) -> None:
        for i in numba.prange(len(a)):
            a[i] = b[i] + s * c[i]

    a, b, c = (np.full(TRIAD, float(number)) for number in range(3))
    seconds = timed(lambda: triad(a, b, c, 3.0))
    return 3 * a.nbytes / seconds


PEERS = {one.__name__.replace("_", "-"): one for one in (by_hand, jax, jax_first_axis)}


def timed(run: Run) -> float:
    """The median of some runs, after one that warms up."""
    run()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return median(taken)


def measured(what: str, options: argparse.Namespace, lesson: str = "", dtype: str = "") -> float:
    """One round of a peer or of the triad, in a process of its own."""
    sizes = ("--members", str(options.members), "--steps", str(options.steps), "--threads", str(options.threads))
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "NUMBA_NUM_THREADS": str(options.threads)}
    command = [sys.executable, __file__, *sizes, "--measure", what, lesson, dtype]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(what: str, lesson: str, dtype: str, options: argparse.Namespace) -> float:
    """Bytes a second of the triad, or nanoseconds per training step of a peer."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    if what == "triad":
        return triad_bandwidth()
    run = PEERS[what](named_problem(lesson).changed(dtype=dtype), options.members, options.steps)
    return 1e9 * timed(run) / (options.members * options.steps)


def least_bytes(dtype: str, steps: int) -> float:
    """Bytes that a training must move per step: its nine parameters in and out, its rate in, every loss out."""
    return (9 + 1 + 9 + steps) * np.dtype(dtype).itemsize / steps


def whole(way: Callable[..., Iterable[object]], problem: Problem, rates: Array) -> None:
    """Every epoch of an ensemble."""
    for _ in way(problem, rates, norms=False):
        pass


def print_sweeps(rounds: int) -> None:
    """Microseconds a step of all rates together, in matrices and number by number."""
    from comparisons.ensemble_epochs import by_numbers, in_matrices

    print("\n| lesson | rates | in matrices, µs a step | number by number, µs a step | matrices / numbers |")
    print("|---|--:|--:|--:|--:|")
    for lesson in LESSONS:
        problem = named_problem(lesson).changed(epochs=20)
        for count in (13, 100, 1000, 10_000):
            rates = np.geomspace(1e-6, 1e-3, count)
            ways = [partial(whole, way, problem, rates) for way in (in_matrices, by_numbers)]
            taken = [[timed(way) for way in ways] for _ in range(rounds)]
            matrices, numbers = (1e6 * median(column) / problem.steps for column in zip(*taken, strict=True))
            print(f"| {lesson} | {count:,} | {matrices:.0f} | {numbers:.0f} | {matrices / numbers:.1f} |")


def main() -> None:
    """All peers in turns, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options)))
        return
    kinds = [(lesson, dtype) for lesson in LESSONS for dtype in DTYPES]
    bandwidth, found = [], {(peer, kind): [] for kind in kinds for peer in PEERS}
    for _ in range(options.rounds):
        bandwidth.append(measured("triad", options))
        for (peer, kind), taken in found.items():
            taken.append(measured(peer, options, *kind))
    print_table(kinds, {key: median(taken) for key, taken in found.items()}, median(bandwidth), options.steps)
    print_sweeps(options.rounds)


def print_table(kinds: list[Kind], found: Mapping[tuple[str, Kind], float], bandwidth: float, steps: int) -> None:
    """Medians as Markdown."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "jax", "numba"))
    print(f"Triad: {bandwidth / 1e9:.1f} GB/s; {versions}\n")
    print("| lesson | dtype | by hand, ns | jax, ns | jax-first-axis, ns | by hand / jax | limit, ns | reached |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for lesson, dtype in kinds:
        hand, last, first = (found[peer, (lesson, dtype)] for peer in PEERS)
        limit = 1e9 * least_bytes(dtype, steps) / bandwidth
        ratio = hand / min(last, first)
        numbers = f"{hand:.1f} | {last:.1f} | {first:.1f} | {ratio:.2f} | {limit:.2f} | {limit / hand:.0%}"
        print(f"| {lesson} | {dtype} | {numbers} |")


if __name__ == "__main__":
    main()
