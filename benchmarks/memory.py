"""How much memory `backproof compare` takes, as whole processes: flat in the number of steps, and beside PyTorch alone.

python benchmarks/memory.py lesson [--epochs E,...] [--against NAME,...]
python benchmarks/memory.py large [--steps N] [--every K]

lesson: both lesson problems, each for so many epochs of 4 rows, one row a step. The largest resident set of the parent
and of the worker, and microseconds a step: training, and auditing meanwhile.
large: a network of 11.3 million parameters (1024-2048-2048-1648-1000, batches of 32, float32) in PyTorch: the largest
resident set of all processes of `compare` together, against that of the same training in a process of its own that
records nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LESSONS = ("regression", "classification")
UNITS, INPUTS, BATCH, ROWS = (2048, 2048, 1648, 1000), 1024, 32, 320
MIB = 2**20
SAMPLED = 0.02  # seconds


@dataclass
class Peaks:
    """Largest resident sets seen of a process, of its children one by one, and of all together, in bytes."""

    parent: int = 0
    child: int = 0
    together: int = 0
    seconds: float = field(default=0.0)


def watched(command: Sequence[str]) -> Peaks:
    """Run `command` to its end and see how large it and its children become; raises where it fails."""
    started, peaks = time.perf_counter(), Peaks()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
        process = psutil.Process(run.pid)
        while run.poll() is None:
            sample(process, peaks)
            time.sleep(SAMPLED)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    peaks.seconds = time.perf_counter() - started
    return peaks


def sample(process: psutil.Process, peaks: Peaks) -> None:
    """Look once."""
    try:
        parent = process.memory_info().rss
        children = [child.memory_info().rss for child in process.children(recursive=True)]
    except psutil.Error:
        return  # one of them has just ended
    peaks.parent, peaks.child = max(peaks.parent, parent), max([peaks.child, *children])
    peaks.together = max(peaks.together, parent + sum(children))


def lesson(epochs: Sequence[int], names: Sequence[str]) -> None:
    """One row for each lesson, implementation and number of epochs."""
    print("| problem | implementation | steps | parent, MiB | worker, MiB | µs a step to train | µs a step to audit |")
    print("|---|---|---|---|---|---|---|")
    for problem in LESSONS:
        for name in names:
            for count in epochs:
                print(row(problem, name, count), flush=True)


def row(problem: str, name: str, epochs: int) -> str:
    """One training compared."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "out.json"
        command = [sys.executable, "-P", "-m", "comparisons.cli", "compare", problem, "--against", name]
        peaks = watched([*command, "--epochs", str(epochs), "--json", str(file)])
        (found,) = json.loads(file.read_text(encoding="utf-8"))["comparisons"]
    (result,) = found["implementations"]
    steps, seconds = found["steps"], result["seconds"]
    train, audit = (f"{1e6 * seconds[part] / steps:.1f}" for part in ("train", "audit"))
    sizes = f"{peaks.parent / MIB:.0f} | {peaks.child / MIB:.0f}" if peaks.child else f"{peaks.parent / MIB:.0f} | -"
    return f"| {problem} | {name} ({result['verdict']}) | {steps:,} | {sizes} | {train} | {audit} |"


def large(steps: int, every: int) -> None:
    """The large network compared, and bare."""
    again = [sys.executable, __file__]
    alone = watched([*again, "bare", "--steps", str(steps)])
    beside = watched([*again, "compared", "--steps", str(steps), "--every", str(every)])
    own = f"{alone.parent / MIB:.0f}"
    sizes = " | ".join(f"{size / MIB:.0f}" for size in (beside.parent, beside.child, beside.together))
    print("| | parent, MiB | worker, MiB | together, MiB | seconds |")
    print("|---|---|---|---|---|")
    print(f"| PyTorch alone, {steps:,} steps | {own} | - | {own} | {alone.seconds:.0f} |")
    print(f"| compare, one step of {every} audited | {sizes} | {beside.seconds:.0f} |")
    print(f"\n{beside.together / alone.parent:.2f} x PyTorch's own peak")


def compared(steps: int, every: int) -> None:
    """The large network through `compare`, in this process and a worker."""
    import numpy as np

    from comparisons.compare import compare
    from comparisons.verdict import Verdict
    from problems import Network, Optimizer, Problem
    from problems.initializers import starting_parameters

    network = Network(inputs=INPUTS, units=UNITS, activations=("relu", "relu", "relu", "linear"))
    rng = np.random.default_rng(0)
    problem = Problem(
        name="large",
        x=rng.standard_normal((ROWS, INPUTS), dtype=np.float32),
        y=rng.integers(0, UNITS[-1], (ROWS, 1)).astype(np.float32),
        network=network,
        loss="sparse_categorical_cross_entropy_with_logits",
        initial=starting_parameters(network, "normal:0:0.004"),  # from he_normal's no gradient is told
        optimizer=Optimizer(learning_rate=0.01),
        epochs=-(-steps * BATCH // ROWS),
        batch_size=BATCH,
        dtype="float32",
    )
    (found,) = compare([problem], ["torch"], timeout=3600.0, audit_every=every)
    (result,) = found.results
    print(result.verdict, result.reason or "", dict(result.seconds), file=sys.stderr)
    if result.verdict is not Verdict.AGREES:
        sys.exit(1)


def bare(steps: int) -> None:
    """The same training in PyTorch alone."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    sizes = (INPUTS, *UNITS)
    layers: list[nn.Module] = []
    for n_in, n_out in zip(sizes, UNITS, strict=False):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(ROWS, INPUTS), torch.randint(UNITS[-1], (ROWS,))
    for step in range(steps):
        rows = slice(step * BATCH % ROWS, step * BATCH % ROWS + BATCH)
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()


def main() -> None:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("lesson", "large", "bare", "compared"))
    parser.add_argument("--epochs", default="2500,25000,250000")
    parser.add_argument("--against", default="manual-scalar,manual-matrix,jax")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "lesson":
        lesson([int(epochs) for epochs in asked.epochs.split(",")], asked.against.split(","))
    elif asked.what == "bare":
        bare(asked.steps)
    else:
        {"large": large, "compared": compared}[asked.what](asked.steps, asked.every)


if __name__ == "__main__":
    main()
