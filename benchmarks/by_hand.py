"""Seconds per training step: by hand against each library's own bare loop, the same problem, in turns; medians.

python benchmarks/by_hand.py [--rounds R] [--network lesson|medium|large] [--threads T] [--only PEER,PEER]

Each peer trains in a process of its own, nothing recorded, in turns. lesson: classification, 2-2-1, one row a step,
float64; medium: 784-512-256-10, batch 128, float32, relu and softmax with cross-entropy; large: 1024-2048-2048-1000,
batch 256. manual-scalar trains as it does in a long training, compiled where Numba is installed, and
manual-scalar-uncompiled as in a short one; both keep every step, in blocks. Compiling is left out of all peers' times.
Peers that are not installed are left out, and said to be (two of them are in the dependency group `benchmarks`).

Threads: each process is pinned to T processors before anything is imported (Linux), so that no library's pool, XLA's
included, runs on more; OpenBLAS, MKL, OpenMP and TensorFlow are told T too, PyTorch by set_num_threads.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np
from large_networks import SIZES, large_problem

from problems.catalogue import named_problem
from problems.problem import Problem

SECONDS = 1.0  # each peer steps for about this long a round
Step = Callable[[], object]
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")


def problem_called(name: str) -> Problem:
    """The problem of a network's name."""
    if name == "lesson":
        return named_problem("classification")
    return large_problem(name)


def manual_scalar(problem: Problem) -> Step:
    """The lesson's nine derivatives: a block of steps of a long training."""
    from manual.nine_derivatives.train import train

    blocks = train(problem.changed(epochs=10**9))
    return lambda: next(blocks)


def manual_scalar_uncompiled(problem: Problem) -> Step:
    """The same, in trainings that are too short to compile."""
    from manual.nine_derivatives.train import LONG, train

    short = problem.changed(epochs=LONG // problem.steps_per_epoch - 1)
    blocks = (block for _ in itertools.count() for block in train(short))
    return lambda: next(blocks)


def manual_matrix(problem: Problem) -> Step:
    """The same in matrix form, any network."""
    from manual.network import loss_routes, train_step

    route, *_ = loss_routes(problem.network, problem.loss)
    rate = np.dtype(problem.dtype).type(problem.optimizer.learning_rate)
    x, y = problem.x[: problem.batch_size], problem.y[: problem.batch_size]
    state = [problem.initial]

    def step() -> None:
        state[0] = train_step(problem.network, route, state[0], x, y, rate).parameters

    return step


def torch(problem: Problem) -> Step:
    """PyTorch eager: zero_grad, forward, backward, step."""
    import torch as library

    library.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    kinds = {"relu": library.nn.ReLU, "sigmoid": library.nn.Sigmoid}
    dtype, layers = getattr(library, problem.dtype), []
    for n_in, n_out, name in zip(
        problem.network.sizes, problem.network.units, problem.network.activations, strict=False
    ):
        layers += [library.nn.Linear(n_in, n_out, dtype=dtype), *([kinds[name]()] if name in kinds else [])]
    model = library.nn.Sequential(*layers)
    criterion = library.nn.BCELoss() if problem.name == "classification" else library.nn.CrossEntropyLoss()
    optimizer = library.optim.SGD(model.parameters(), lr=problem.optimizer.learning_rate)
    x, y = (library.tensor(table[: problem.batch_size]) for table in (problem.x, problem.y))

    def step() -> None:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()

    return step


def keras(problem: Problem) -> Step:
    """Keras on TensorFlow: train_on_batch."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras as library

    library.config.set_floatx(problem.dtype)
    library.config.set_dtype_policy(problem.dtype)
    layers = zip(problem.network.units, problem.network.activations, strict=True)
    model = library.Sequential(
        [library.Input((problem.network.inputs,)), *(library.layers.Dense(n, activation=name) for n, name in layers)]
    )
    loss = "binary_crossentropy" if problem.name == "classification" else "categorical_crossentropy"
    model.compile(optimizer=library.optimizers.SGD(problem.optimizer.learning_rate), loss=loss)
    x, y = problem.x[: problem.batch_size], problem.y[: problem.batch_size]
    return lambda: model.train_on_batch(x, y)


def jax(problem: Problem) -> Step:
    """JAX: the whole step jitted."""
    import jax as library
    import jax.numpy as jnp

    library.config.update("jax_enable_x64", problem.dtype == "float64")
    kinds = {"relu": library.nn.relu, "sigmoid": library.nn.sigmoid, "softmax": lambda z: z}
    rate, binary = problem.optimizer.learning_rate, problem.name == "classification"

    def loss(held: dict[str, library.Array], x: library.Array, y: library.Array) -> library.Array:
        a = x
        for layer, name in zip(problem.network.layers, problem.network.activations, strict=True):
            a = kinds[name](a @ held[f"W{layer}"] + held[f"b{layer}"])
        if binary:
            return -jnp.mean(y * jnp.log(a) + (1 - y) * jnp.log1p(-a))
        return -jnp.mean(jnp.sum(y * library.nn.log_softmax(a), axis=1))

    @library.jit
    def train(held: dict[str, library.Array], x: library.Array, y: library.Array) -> dict[str, library.Array]:
        slopes = library.grad(loss)(held, x, y)
        return {name: theta - rate * slopes[name] for name, theta in held.items()}

    state = [{name: jnp.asarray(values) for name, values in problem.initial.items()}]
    x, y = (jnp.asarray(table[: problem.batch_size]) for table in (problem.x, problem.y))

    def step() -> None:
        state[0] = library.block_until_ready(train(state[0], x, y))

    return step


def sklearn(problem: Problem) -> Step:
    """scikit-learn: partial_fit."""
    from sklearn.neural_network import MLPClassifier

    hidden = {"sigmoid": "logistic", "relu": "relu"}[problem.network.activations[0]]
    model = MLPClassifier(
        problem.network.units[:-1],
        activation=hidden,
        solver="sgd",
        alpha=0,
        momentum=0,
        learning_rate_init=problem.optimizer.learning_rate,
    )
    x = problem.x[: problem.batch_size]
    y = problem.y[: problem.batch_size]
    labels = y[:, 0].astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    classes = np.arange(max(2, problem.network.units[-1]))
    model.partial_fit(x, labels, classes=classes)
    return lambda: model.partial_fit(x, labels)


def autograd(problem: Problem) -> Step:
    """HIPS autograd: grad of the loss in NumPy."""
    import autograd as library
    import autograd.numpy as wrapped

    x, y, rate = problem.x[: problem.batch_size], problem.y[: problem.batch_size], problem.optimizer.learning_rate

    def loss(held: Mapping[str, object]) -> object:
        a = x
        for layer, name in zip(problem.network.layers, problem.network.activations, strict=True):
            z = wrapped.dot(a, held[f"W{layer}"]) + held[f"b{layer}"]
            a = 1 / (1 + wrapped.exp(-z)) if name == "sigmoid" else wrapped.maximum(z, 0) if name == "relu" else z
        if problem.name == "classification":
            return wrapped.mean(-y * wrapped.log(a) - (1 - y) * wrapped.log(1 - a))
        shifted = a - wrapped.max(a, axis=1, keepdims=True)
        logs = shifted - wrapped.log(wrapped.sum(wrapped.exp(shifted), axis=1, keepdims=True))
        return -wrapped.sum(y * logs) / len(y)

    gradient, state = library.grad(loss), [dict(problem.initial)]

    def step() -> None:
        slopes = gradient(state[0])
        state[0] = {name: theta - rate * slopes[name] for name, theta in state[0].items()}

    return step


def micrograd(problem: Problem) -> Step:
    """micrograd: scalars that know their gradients; relu and a squared error, since it has neither exp nor log."""
    from micrograd.engine import Value

    rate = problem.optimizer.learning_rate
    parameters = [[Value(float(v)) for v in values.flat] for values in problem.initial.values()]
    x, y = [float(v) for v in problem.x[0]], float(problem.y[0, 0])

    def step() -> None:
        W1, b1, W2, b2 = parameters
        hidden = [(x[0] * W1[j] + x[1] * W1[2 + j] + b1[j]).relu() for j in range(2)]
        y_hat = hidden[0] * W2[0] + hidden[1] * W2[1] + b2[0]
        loss = (y_hat - y) ** 2
        for one in (value for several in parameters for value in several):
            one.grad = 0
        loss.backward()
        for one in (value for several in parameters for value in several):
            one.data -= rate * one.grad

    return step


PEERS = {one.__name__.replace("_", "-"): one for one in (manual_scalar, manual_scalar_uncompiled, manual_matrix)}
PEERS |= {one.__name__: one for one in (torch, keras, jax, sklearn, autograd, micrograd)}
FOR_THE_LESSON_ALONE = ("manual-scalar", "manual-scalar-uncompiled", "micrograd")
PACKAGES = {
    "manual-scalar": ("numpy", "numba"),
    "manual-scalar-uncompiled": ("numpy",),
    "manual-matrix": ("numpy",),
    "keras": ("keras", "tensorflow"),
    "sklearn": ("scikit-learn",),
}


def seconds_per_step(step: Step) -> float:
    """The median over a second of steps, after some that warm up; a Block counts as its steps."""
    for _ in range(5):
        step()
    taken, until = [], time.perf_counter() + SECONDS
    while time.perf_counter() < until or len(taken) < 5:
        started = time.perf_counter()
        done = step()
        taken.append((time.perf_counter() - started) / getattr(done, "steps", 1))
    return median(taken)


def measured(peer: str, network: str, threads: int) -> float | str:
    """One round of one peer, in a process of its own: seconds a step, or why there are none."""
    command = [sys.executable, __file__, "--peer", peer, "--network", network, "--threads", str(threads)]
    told = {f"{name}_THREADS" if name.startswith("TF") else f"{name}_NUM_THREADS": str(threads) for name in THREADS}
    environment = {**os.environ, **told, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return float(json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else done.stderr.splitlines()[-1]


def pin(threads: int) -> None:
    """Leave this process so many of its processors, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def versions(peer: str) -> str:
    """What the peer runs on."""
    packages = PACKAGES.get(peer, (peer,))
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def main() -> None:
    """All peers in turns, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", choices=("lesson", *SIZES), default="lesson")
    parser.add_argument("--only", default="", help="peers, with commas between them")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        pin(options.threads)
        print(json.dumps(seconds_per_step(PEERS[options.peer](problem_called(options.network)))))
        return
    wanted = options.only.split(",") if options.only else PEERS
    peers = [name for name in wanted if options.network == "lesson" or name not in FOR_THE_LESSON_ALONE]
    rounds = [{name: measured(name, options.network, options.threads) for name in peers} for _ in range(options.rounds)]
    print_table(rounds, "manual-scalar" if options.network == "lesson" else "manual-matrix")


def print_table(rounds: list[dict[str, float | str]], base: str) -> None:
    """Medians as Markdown, and below them who is missing and why."""
    found = {name: [one[name] for one in rounds if isinstance(one[name], float)] for name in rounds[0]}
    print(f"| peer | version | µs a step | times {base} |\n|---|---|--:|--:|")
    for name, taken in found.items():
        if taken:
            times = median(taken) / median(found[base])
            print(f"| {name} | {versions(name)} | {1e6 * median(taken):,.2f} | {times:,.2f} |")
    for name in (name for name, taken in found.items() if not taken):
        print(f"\n{name} is left out: {rounds[-1][name]}")


if __name__ == "__main__":
    main()
