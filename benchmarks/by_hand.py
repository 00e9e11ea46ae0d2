"""Seconds per training step: by hand against each library's own bare loop, the same problem, in turns; medians.

python benchmarks/by_hand.py [--rounds R] [--network lesson|medium|large]

Each peer trains in a process of its own, one thread, nothing recorded. lesson: classification, 2-2-1, one row a step,
float64; medium: 784-512-256-10, batch 128, float32, relu and softmax with cross-entropy; large: 1024-2048-2048-1000,
batch 256. Peers that are not installed are left out (pip install autograd micrograd for two of them).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np

from problems.catalogue import named_problem
from problems.initializers import starting_parameters
from problems.problem import Network, Optimizer, Problem

SIZES = {"medium": ((784, 512, 256, 10), 128), "large": ((1024, 2048, 2048, 1000), 256)}
SECONDS = 1.0  # each peer steps for about this long a round
Step = Callable[[], object]


def problem_called(name: str) -> Problem:
    """The problem of a network's name."""
    if name == "lesson":
        return named_problem("classification")
    sizes, batch = SIZES[name]
    rng = np.random.default_rng(0)
    activations = ("relu",) * (len(sizes) - 2) + ("softmax",)
    network = Network(inputs=sizes[0], units=sizes[1:], activations=activations)
    return Problem(
        name=name,
        x=rng.normal(size=(batch, sizes[0])),
        y=np.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)],
        network=network,
        loss="categorical_cross_entropy",
        initial=starting_parameters(network, "he_normal:0"),
        optimizer=Optimizer(learning_rate=0.01),
        epochs=1,
        batch_size=batch,
        dtype="float32",
    )


def manual_scalar(problem: Problem) -> Step:
    """The lesson's nine derivatives."""
    from manual.nine_derivatives import classification as hand

    held = {name: [[float(v) for v in row] for row in values] for name, values in problem.initial.items()}
    x, y, rate = [float(v) for v in problem.x[0]], float(problem.y[0, 0]), problem.optimizer.learning_rate
    state = [held]

    def step() -> None:
        y_hat, hidden = hand.forward_propagation(x, state[0])
        hand.loss(y, y_hat)
        state[0], _ = hand.update_parameters(state[0], x, y, y_hat, hidden, rate)

    return step


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

    library.set_num_threads(1)
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
    model = MLPClassifier(problem.network.units[:-1], activation=hidden, solver="sgd", alpha=0, momentum=0)
    x = problem.x[: problem.batch_size]
    y = problem.y[: problem.batch_size]
    labels = y[:, 0].astype(int) if y.shape[1] == 1 else y.argmax(axis=1)
    classes = np.arange(max(2, problem.network.units[-1]))
    model.partial_fit(x, labels, classes)
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


PEERS = {one.__name__.replace("_", "-"): one for one in (manual_scalar, manual_matrix, torch, keras, jax, sklearn)}
PEERS |= {one.__name__: one for one in (autograd, micrograd)}
FOR_THE_LESSON_ALONE = ("manual-scalar", "micrograd")


def seconds_per_step(step: Step) -> float:
    """The median over a second of steps, after some that warm up."""
    for _ in range(5):
        step()
    taken, until = [], time.perf_counter() + SECONDS
    while time.perf_counter() < until or len(taken) < 5:
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return median(taken)


def measured(peer: str, network: str) -> float | None:
    """One round of one peer, in a process of its own; None where it is not installed or cannot."""
    command = [sys.executable, __file__, "--peer", peer, "--network", network]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return float(json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else None


def main() -> None:
    """All peers in turns, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", choices=("lesson", *SIZES), default="lesson")
    parser.add_argument("--peer", choices=PEERS)
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(seconds_per_step(PEERS[options.peer](problem_called(options.network)))))
        return
    peers = [name for name in PEERS if options.network == "lesson" or name not in FOR_THE_LESSON_ALONE]
    rounds = [{name: measured(name, options.network) for name in peers} for _ in range(options.rounds)]
    found = {name: [one[name] for one in rounds if one[name] is not None] for name in peers}
    base = "manual-scalar" if options.network == "lesson" else "manual-matrix"
    print(f"| peer | µs a step | times {base} |\n|---|--:|--:|")
    for name, taken in found.items():
        if taken:
            print(f"| {name} | {1e6 * median(taken):,.1f} | {median(taken) / median(found[base]):,.1f} |")


if __name__ == "__main__":
    main()
