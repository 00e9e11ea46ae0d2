"""What comparing costs: `backproof compare` against each framework's own bare loop, as whole processes; medians.

python benchmarks/harness.py [--rounds R] [--epochs E]

Both lesson problems, 250 epochs of 4 rows, 1,000 steps each. A bare run is one process that imports its framework and
trains both in the framework's own idiom, one row a step, with the variables that a worker of backproof gets, and
records nothing. In turns: every bare run alone, and compare of that implementation alone; all bare runs at once, as
compare starts them; compare with all implementations. Seconds from a process's start to its end, and processor seconds
of it and its children, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Lesson = Mapping[str, Any]  # x and y as lists, epochs, rate, and whether it is the classification


def torch(lessons: Sequence[Lesson]) -> None:
    """PyTorch: zero_grad, forward, backward, step."""
    import torch as library
    from torch import nn

    library.set_num_threads(1)
    for lesson in lessons:
        between = nn.Sigmoid if lesson["classifies"] else nn.Identity
        dense = [nn.Linear(2, outputs, dtype=library.float64) for outputs in (2, 1)]
        for layer in dense:
            nn.init.constant_(layer.weight, 0.1)
            nn.init.zeros_(layer.bias)
        model = nn.Sequential(dense[0], between(), dense[1], between())
        criterion = nn.BCELoss() if lesson["classifies"] else nn.MSELoss()
        optimizer = library.optim.SGD(model.parameters(), lr=lesson["rate"])
        x, y = (library.tensor(lesson[key], dtype=library.float64) for key in "xy")
        for row in rows(lesson):
            optimizer.zero_grad()
            criterion(model(x[row]), y[row]).backward()
            optimizer.step()


def keras(lessons: Sequence[Lesson]) -> None:
    """Keras: compile and train_on_batch."""
    import keras as library
    import numpy as np

    library.config.set_floatx("float64")
    library.config.set_dtype_policy("float64")
    if library.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    for lesson in lessons:
        name = "sigmoid" if lesson["classifies"] else "linear"
        start = library.initializers.Constant(0.1)
        layers = [library.layers.Dense(n, activation=name, kernel_initializer=start) for n in (2, 1)]
        model = library.Sequential([library.Input((2,)), *layers])
        loss = "binary_crossentropy" if lesson["classifies"] else "mean_squared_error"
        model.compile(optimizer=library.optimizers.SGD(lesson["rate"]), loss=loss)
        x, y = (np.array(lesson[key], dtype=np.float64) for key in "xy")
        for row in rows(lesson):
            model.train_on_batch(x[row], y[row])


def jax(lessons: Sequence[Lesson]) -> None:
    """JAX with Optax: the whole step jitted."""
    import jax as library
    import jax.numpy as jnp
    import numpy as np
    import optax

    library.config.update("jax_enable_x64", True)
    for lesson in lessons:
        between = library.nn.sigmoid if lesson["classifies"] else lambda z: z

        def objective(held: Any, x: Any, y: Any, lesson: Lesson = lesson, between: Callable[..., Any] = between) -> Any:
            y_hat = between(between(x @ held["W1"] + held["b1"]) @ held["W2"] + held["b2"])
            if lesson["classifies"]:
                return -jnp.mean(y * jnp.log(y_hat) + (1 - y) * jnp.log1p(-y_hat))
            return jnp.mean((y_hat - y) ** 2)

        update = optax.sgd(lesson["rate"])

        @library.jit
        def step(held: Any, state: Any, x: Any, y: Any, objective: Any = objective, update: Any = update) -> Any:
            updates, state = update.update(library.grad(objective)(held, x, y), state)
            return optax.apply_updates(held, updates), state

        held = {
            "W1": jnp.full((2, 2), 0.1),
            "b1": jnp.zeros((1, 2)),
            "W2": jnp.full((2, 1), 0.1),
            "b2": jnp.zeros((1, 1)),
        }
        state = update.init(held)
        x, y = (np.array(lesson[key], dtype=np.float64) for key in "xy")
        for row in rows(lesson):
            held, state = step(held, state, x[row], y[row])
        library.block_until_ready(held)


def sklearn(lessons: Sequence[Lesson]) -> None:
    """scikit-learn: partial_fit; the classification alone, since it has ½ (y − ŷ)² only."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    for lesson in lessons:
        if lesson["classifies"]:
            model = MLPClassifier(
                (2,), activation="logistic", solver="sgd", alpha=0, momentum=0, batch_size=1, shuffle=False,
                learning_rate_init=lesson["rate"],
            )  # fmt: skip
            x, y = np.array(lesson["x"], dtype=np.float64), np.array(lesson["y"])[:, 0]
            for row in rows(lesson):
                model.partial_fit(x[row], y[row], classes=[0, 1])


BARE: dict[str, Callable[[Sequence[Lesson]], None]] = {
    "torch": torch,
    "keras-tensorflow": keras,
    "keras-torch": keras,
    "keras-jax": keras,
    "jax": jax,
    "sklearn": sklearn,
}


def rows(lesson: Lesson) -> Iterator[slice]:
    """One row after the other, in every epoch."""
    for _ in range(lesson["epochs"]):
        yield from (slice(row, row + 1) for row in range(len(lesson["x"])))


def lessons(epochs: int) -> list[Lesson]:
    """The lesson's two problems as plain values, so that a bare run imports nothing of backproof."""
    from problems.catalogue import named_problem

    found = []
    for name in ("regression", "classification"):
        problem = named_problem(name)
        numbers = {"x": problem.x.tolist(), "y": problem.y.tolist(), "rate": problem.optimizer.learning_rate}
        found.append({**numbers, "epochs": epochs, "classifies": name == "classification"})
    return found


def bare_process(name: str, epochs: int) -> subprocess.Popen[bytes]:
    """A bare run of a framework, started."""
    from comparisons.devices import CPU, device_variables
    from comparisons.implementations import IMPLEMENTATIONS
    from comparisons.worker_process import process_environment

    variables = {**process_environment(), **device_variables(CPU, os.environ), **IMPLEMENTATIONS[name].environment}
    command = [sys.executable, __file__, "--bare", name, json.dumps(lessons(epochs))]
    return subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL, start_new_session=True)


def bare(names: Sequence[str], epochs: int) -> None:
    """Bare runs, all started at once, to the end of the last."""
    for process in [bare_process(name, epochs) for name in names]:
        if process.wait() != 0:
            raise SystemExit(f"a bare run ended with {process.returncode}: {process.args[3]}")


def compare(epochs: int, *options: str) -> None:
    """The command, with everything that is installed."""
    command = [sys.executable, "-P", "-m", "comparisons.cli", "compare", "--epochs", str(epochs), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(work: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """Seconds from start to end, and processor seconds of the processes that ended meanwhile."""
    started, used = time.perf_counter(), processors()
    work(*arguments)
    return time.perf_counter() - started, processors() - used


def told(what: str, work: Callable[[], None]) -> tuple[float, float]:
    """The same, said on standard error: all of it takes minutes."""
    found = timed(work)
    print(f"{what}: {found[0]:.2f} s, {found[1]:.2f} s of processors", file=sys.stderr)
    return found


def processors() -> float:
    """Processor seconds of all processes started here that have ended."""
    used = os.times()
    return used.children_user + used.children_system


TO_THE_FIRST_WORKER = """
import os, subprocess, sys
subprocess.Popen.__init__ = lambda *arguments, **options: os._exit(0)
from comparisons.cli import main
main()
"""


def until_first_worker(epochs: int) -> None:
    """The command, which ends where it would start its first worker."""
    subprocess.run([sys.executable, "-P", "-c", TO_THE_FIRST_WORKER, "compare", "--epochs", str(epochs)], check=True)


def help_alone() -> None:
    """`backproof --help`."""
    command = [sys.executable, "-P", "-c", "from comparisons.cli import main; main()", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def parts(epochs: int) -> list[dict[str, Any]]:
    """What compare itself tells of each implementation: seconds of import, training and audit, both problems."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        compare(epochs, "--json", str(told))
        comparisons = json.loads(told.read_text(encoding="utf-8"))["comparisons"]
    rows = zip(*(comparison["implementations"] for comparison in comparisons), strict=True)
    return [{"name": row[0]["name"], "seconds": [one["seconds"] for one in row]} for row in rows]


def main() -> None:
    """All of it in turns, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--bare", nargs=2, metavar=("NAME", "LESSONS"), help="one bare run, in this process")
    options = parser.parse_args()
    if options.bare:
        BARE[options.bare[0]](json.loads(options.bare[1]))
        return
    from comparisons.implementations import installed

    names, epochs = [name for name in BARE if installed(name)], options.epochs
    work: dict[str, Callable[[], None]] = {f"bare {name}": lambda name=name: bare([name], epochs) for name in names}
    work |= {f"compare {name}": lambda name=name: compare(epochs, "--against", name) for name in names}
    work |= {"bare, all at once": lambda: bare(names, epochs), "backproof compare": lambda: compare(epochs)}
    work |= {"to the first worker": lambda: until_first_worker(epochs), "backproof --help": help_alone}
    compare(epochs)  # files are read into memory and modules compiled
    rounds = [{what: told(what, run) for what, run in work.items()} for _ in range(options.rounds)]
    show(rounds, names)
    show_parts(parts(epochs))


def show(rounds: Sequence[Mapping[str, tuple[float, float]]], names: Sequence[str]) -> None:
    """Medians, and the ratios of the same round."""
    print("| whole processes | seconds | processor seconds |\n|---|--:|--:|")
    for what in rounds[0]:
        seconds, used = (median(one[what][place] for one in rounds) for place in (0, 1))
        print(f"| {what} | {seconds:.2f} | {used:.2f} |")
    for place, unit in enumerate(("seconds", "processor seconds")):
        slowest = median(
            one["backproof compare"][place] / max(one[f"bare {n}"][place] for n in names) for one in rounds
        )
        at_once = median(one["backproof compare"][place] / one["bare, all at once"][place] for one in rounds)
        told = f"{slowest:.2f} x the slowest bare run alone, {at_once:.2f} x all bare runs at once"
        print(f"\ncompare, {unit}: {told}")
        alone = {n: median(one[f"compare {n}"][place] / one[f"bare {n}"][place] for one in rounds) for n in names}
        print(f"of one implementation: {', '.join(f'{name} {ratio:.2f}' for name, ratio in alone.items())}")


def show_parts(found: Sequence[Mapping[str, Any]]) -> None:
    """Seconds of each implementation inside one compare."""
    print("\n| inside one compare | import | train | audit |\n|---|--:|--:|--:|")
    for one in found:
        imported = max(seconds.get("import") or 0.0 for seconds in one["seconds"])
        rest = (sum(seconds.get(part) or 0.0 for seconds in one["seconds"]) for part in ("train", "audit"))
        print(f"| {one['name']} | {imported:.2f} | {' | '.join(f'{seconds:.2f}' for seconds in rest)} |")


if __name__ == "__main__":
    main()
