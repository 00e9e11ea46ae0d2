"""Workers that fail in every way cost their own row, and nothing is left running. Real processes, fake frameworks.

A worker's PYTHONPATH begins with a folder that holds another package `frameworks`: its torch_mlp is at fault,
its jax_mlp trains by hand.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import comparisons.streaming
from comparisons.compare import compare, silent
from comparisons.excerpts import Excerpt
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.outcome import NOTHING_COMPARED, exit_code
from comparisons.streaming import Plan, Stream
from comparisons.verdict import Verdict
from comparisons.worker import MOST_WAITING
from comparisons.workers import Outcome, train_all, training
from problems.block import Block
from problems.catalogue import named_problem

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = [named_problem("regression"), named_problem("regression").changed(dtype="float32")]
GOOD = "from manual.train import train, versions\n"
FAULTY = """
import ctypes, os, signal, subprocess, sys, time
from manual.train import train as by_hand
from manual.train import versions

def pipes():
    return [fd for fd in range(3, 20) if os.path.exists(f"/proc/self/fd/{fd}")
            and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")]

def train(problem):
    print("last words", file=sys.stderr, flush=True)
    exec(os.environ["FAULT"])
    yield from by_hand(problem)
"""
DRIVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what is in the background without
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores
from dataclasses import replace
from comparisons.implementations import IMPLEMENTATIONS
for name in ("torch", "jax"):
    environment = {{"PYTHONPATH": {path!r}, "FAULT": {fault!r}}}
    IMPLEMENTATIONS[name] = replace(IMPLEMENTATIONS[name], packages=("numpy",), environment=environment)
from comparisons.cli import main
main()
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A function that makes torch, and others by name, faulty and jax good; it returns their workers' PYTHONPATH."""

    def install(fault: str = "", others: Mapping[str, str] | None = None, module: str = FAULTY) -> str:
        package = tmp_path / "fakes" / "frameworks"
        package.mkdir(parents=True)
        for file, text in {"__init__": "", "torch_mlp": module, "keras_mlp": module, "jax_mlp": GOOD}.items():
            (package / f"{file}.py").write_text(text, encoding="utf-8")
        path = os.pathsep.join([str(package.parent), str(ROOT)])
        for name, code in {"torch": fault, "jax": "", **(others or {})}.items():
            environment = {"PYTHONPATH": path, "FAULT": code}
            changed = replace(IMPLEMENTATIONS[name], packages=("numpy",), environment=environment)
            monkeypatch.setitem(IMPLEMENTATIONS, name, changed)
        return path

    return install


def alive(mark: str) -> list[int]:
    """Processes whose environment holds `mark`, zombies aside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in environment and state != "Z":
            found.append(int(folder.name))
    return found


def gone(mark: str, seconds: float = 10.0) -> bool:
    """Whether every such process ends within `seconds`."""
    end = time.monotonic() + seconds
    while alive(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(mark)


def both() -> dict[str, list[Outcome]]:
    """Faulty torch and good jax on two problems."""
    return train_all(["torch", "jax"], PROBLEMS, timeout=60.0, progress=silent)


FAULTS = {
    "raises": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck; its last words: last words"),
    "raises-several-lines": ("raise ValueError('one\\ntwo')", "ValueError: one two; its last words: last words"),
    "runs-out-of-recursion": ("train.__globals__.update(f=lambda: f()); f()", "RecursionError: maximum recursion"),
    "exits": ("sys.exit(3)", "SystemExit: 3; its last words: last words"),
    "exits-at-once": ("os._exit(0)", "ended with exit status 0; its last words: last words"),
    "runs-out-of-memory": ("bytes(2**62)", "MemoryError"),
    "is-interrupted": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "is-killed": ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL; its last words: last words"),
    "aborts": ("os.abort()", "killed by SIGABRT; its last words: last words"),
    "reads-address-zero": ("ctypes.string_at(0)", "killed by SIGSEGV; its last words: last words"),
    "kills-its-group": ("os.killpg(0, signal.SIGKILL)", "killed by SIGKILL"),
    "closes-its-pipe": ("[os.close(fd) for fd in pipes()]; os._exit(5)", "ended with exit status 5"),
    "leaves-a-child": ("os.fork() and os._exit(7); time.sleep(600)", "ended with exit status 7"),
    "closes-its-pipe-and-stays": ("[os.close(fd) for fd in pipes()]; time.sleep(600)", "closed its pipe and did not"),
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_costs_its_own_row(fake: Callable[..., str], fault: str, reason: str) -> None:
    mark = fake(fault)
    outcomes = both()
    assert all(outcome.trace is not None for outcome in outcomes["jax"])
    assert all(outcome.trace is None and outcome.skipped is None for outcome in outcomes["torch"])
    assert reason in (outcomes["torch"][0].crashed or "")
    assert "\n" not in (outcomes["torch"][0].crashed or "")
    assert gone(mark)


NOISE = {
    "on-standard-output": "print('{\"event\": \"finished\"}' * 100, flush=True); os.write(1, b'noise')",
    "on-standard-error": "sys.stderr.write('noise ' * 100_000)",
    "bytes": "os.write(1, bytes(range(256))); os.write(2, bytes(range(256)))",
    "from-a-child": "subprocess.run([sys.executable, '-c', 'print(\"noise\")'])",
    "standard-input-read": "os.read(0, 0)",
    "lines-on-its-pipe": '[os.write(fd, b\'rubbish\\n{}\\n[]\\n"event"\\n{"event": []}\\n\') for fd in pipes()]',
    "nesting-on-its-pipe": "[os.write(fd, b'[' * 30_000 + b'\\n') for fd in pipes()]",
    "digits-on-its-pipe": "[os.write(fd, b'1' * 30_000 + b'\\n') for fd in pipes()]",
    "half-events-on-its-pipe": (
        '[os.write(fd, b\'{"event": "trained", "problem": 0}\\n{"event": "imported"}\\n\''
        ' b\'{"event": "failed", "problem": [0]}\\n{"event": "skipped", "problem": 0}\\n\') for fd in pipes()]'
    ),
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_noise_costs_nothing(fake: Callable[..., str], noise: str) -> None:
    fake(noise)
    for outcomes in both().values():
        assert [outcome.crashed for outcome in outcomes] == [None, None]
        assert all(outcome.trace is not None for outcome in outcomes)


HANGS = {
    "torch": "[signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; subprocess.Popen(['sleep', '600']); time.sleep(600)",
    "keras-tensorflow": "while True: pass",
    "keras-torch": "while True: [os.write(fd, b'rubbish' * 1000) for fd in pipes()]",
    "keras-jax": "problem.dtype == 'float32' and time.sleep(600)",
}


def test_hanging_workers_are_killed_in_time(fake: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.workers.PATIENCE", 0.5)
    mark = fake(others=HANGS)
    started = time.monotonic()
    outcomes = train_all([*HANGS, "jax"], PROBLEMS, timeout=6.0, progress=silent)
    assert time.monotonic() - started < 12
    for name in HANGS:
        words = " | ".join(["last words"] * (2 if name == "keras-jax" else 1))
        assert outcomes[name][1].crashed == f"still running after 6 s (--timeout); its last words: {words}"
    assert [name for name in outcomes if outcomes[name][0].trace is not None] == ["keras-jax", "jax"]
    assert outcomes["jax"][1].trace is not None
    assert gone(mark)


GOOD_ONES = {"keras-tensorflow": "", "keras-torch": "", "keras-jax": ""}


def test_no_more_are_begun_than_there_are_processors(fake: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.workers.at_once", lambda: 2)
    fake(others=GOOD_ONES)
    told: list[tuple[str, str]] = []
    outcomes = train_all(["torch", "jax", *GOOD_ONES], PROBLEMS, timeout=60.0, progress=lambda *news: told.append(news))
    assert all(one.trace is not None for pair in outcomes.values() for one in pair)
    assert [name for name, doing in told if doing == "waiting"] == ["keras-jax", "torch", "jax"]
    begun, done = 0, 0
    for place, (_, doing) in enumerate(told):
        begun += doing == "importing"
        done = sum(told[:place].count((name, "trained")) == len(PROBLEMS) for name in outcomes)
        assert begun - done <= 2
    assert begun == 5


def test_one_that_takes_long_holds_up_no_other(fake: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.workers.at_once", lambda: 1)
    monkeypatch.setattr("comparisons.workers.PATIENCE", 0.5)
    monkeypatch.setattr("comparisons.workers.LONGEST_FIRST", ("torch", *GOOD_ONES))
    mark = fake("time.sleep(600)", others=GOOD_ONES)
    told: list[tuple[str, str]] = []
    outcomes = train_all(["torch", *GOOD_ONES], PROBLEMS, timeout=8.0, progress=lambda *news: told.append(news))
    assert "still running after 8 s" in (outcomes["torch"][0].crashed or "")
    assert all(one.trace is not None for name in GOOD_ONES for one in outcomes[name])
    assert all(told.index((name, "trained")) < told.index(("torch", "timed out")) for name in GOOD_ONES)
    assert gone(mark)


def test_the_callers_own_work_holds_up_no_framework(fake: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comparisons.workers.at_once", lambda: 1)
    fake()
    told: list[tuple[str, str]] = []

    def work() -> Iterator[None]:
        for _ in range(200):
            time.sleep(0.05)
            told.append(("own work", "a piece"))
            yield

    with training(
        ["torch", "jax"], PROBLEMS, timeout=60.0, progress=lambda *news: told.append(news), meanwhile=work()
    ) as arriving:
        assert all(outcome.trace is not None for _, _, outcome in arriving)
    pieces = [place for place, (name, _) in enumerate(told) if name == "own work"]
    assert pieces[0] < told.index(("jax", "importing")) < pieces[-1]
    assert len(pieces) < 200


def test_what_is_not_written_is_skipped_with_its_reason(fake: Callable[..., str]) -> None:
    fake("raise NotImplementedError('fake: softmax is not written here')")
    assert [outcome.skipped for outcome in both()["torch"]] == ["fake: softmax is not written here"] * 2


@pytest.mark.parametrize("module", ["raise ImportError('no libcuda')", "x = = 1", "import sys; sys.exit(9)"])
def test_fault_on_import_costs_its_own_row(fake: Callable[..., str], module: str) -> None:
    fake(module=module)
    outcomes = both()
    assert "ended with exit status" in (outcomes["torch"][1].crashed or "")
    assert all(outcome.trace is not None for outcome in outcomes["jax"])


def test_compare_shows_the_crash_beside_the_others(fake: Callable[..., str]) -> None:
    fake("os._exit(4)")
    comparisons = compare(PROBLEMS, ["manual-matrix", "torch", "jax"], timeout=30.0)
    for comparison in comparisons:
        verdicts = [result.verdict for result in comparison.results]
        assert verdicts == [Verdict.AGREES, Verdict.CRASHED, Verdict.AGREES]
        assert (comparison.results[1].reason or "").startswith("ended with exit status 4")
    assert exit_code(comparisons) == NOTHING_COMPARED


def test_no_temporary_folder_is_left(fake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("os._exit(4)")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    both()
    assert not list((tmp_path / "scratch").iterdir())


@pytest.fixture
def hanging(fake: Callable[..., str], tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    """`backproof compare` while a worker of it hangs in training, and the mark of all its workers."""
    fault = f"open({str(tmp_path / 'training')!r}, 'w').close(); subprocess.Popen(['sleep', '600']); time.sleep(600)"
    path = fake()
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER.format(path=path, fault=fault), encoding="utf-8")
    command = [sys.executable, str(driver), "compare", "regression", "--against", "torch,jax", "--json", "out.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 30
    while not (tmp_path / "training").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    return process, path


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "terminated")],
)
def test_a_signal_leaves_one_line_and_no_process_or_file(
    hanging: tuple[subprocess.Popen[str], str], tmp_path: Path, number: signal.Signals, said: str
) -> None:
    process, mark = hanging
    assert alive(mark)
    assert list((tmp_path / "scratch").glob("backproof-*"))
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert (output, errors.lstrip("\n")) == ("", f"backproof: {said}\n")
    assert gone(mark)
    assert not (tmp_path / "out.json").exists()
    assert not list((tmp_path / "scratch").iterdir())


def test_workers_end_with_a_killed_parent(hanging: tuple[subprocess.Popen[str], str]) -> None:
    process, mark = hanging
    assert alive(mark)
    process.kill()
    process.communicate(timeout=20)
    assert gone(mark)


STOPPING = """
import os, signal, sys, threading, time
from manual.train import train as by_hand
from manual.train import versions

def train(problem):
    for number, step in enumerate(by_hand(problem), 1):
        if number == 12:
            exec(os.environ["FAULT"])
        yield step
"""


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Every training is handed over, two steps at a time; where the workers' folders are."""
    monkeypatch.setattr(comparisons.streaming, "MOST_KEPT", 0)
    monkeypatch.setattr(comparisons.streaming, "BLOCK_BYTES", 2 * comparisons.streaming.step_bytes(PROBLEMS[0]))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    return scratch


def test_training_that_is_handed_over_has_the_result_of_one_that_is_kept(fake, streaming, monkeypatch) -> None:
    fake()
    names = ["manual-matrix", "jax"]
    handed = compare(PROBLEMS, names, timeout=60.0)
    monkeypatch.setattr(comparisons.streaming, "MOST_KEPT", 10**9)
    kept = compare(PROBLEMS, names, timeout=60.0)
    for one, other in zip(handed, kept, strict=True):
        for found, due in zip(one.results, other.results, strict=True):
            assert (found.trace, found.streamed, due.streamed) == (None, True, False)
            assert (found.audit, found.epochs) == (due.audit, due.epochs)
            assert found.environment == due.environment
            assert all((found.final[name] == due.final[name]).all() for name in due.final)
    assert not list(streaming.iterdir())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL; of the 10 steps until then none was found wrong"),
        ("raise ValueError('no more')", "ValueError: no more; of the 10 steps until then none was found wrong"),
    ],
    ids=["killed", "raises"],
)
def test_worker_that_ends_between_blocks_costs_its_own_row(fake, streaming, fault, reason) -> None:
    mark = fake(fault, module=STOPPING)
    (found,) = compare(PROBLEMS[:1], ["torch", "jax"], timeout=60.0)
    assert [one.verdict for one in found.results] == [Verdict.CRASHED, Verdict.AGREES]
    assert found.results[0].reason == reason
    assert gone(mark)
    assert not list(streaming.iterdir())


def test_what_was_wrong_until_a_worker_ended_is_told(fake, streaming) -> None:
    wrong = STOPPING.replace("yield step", "yield replace(step, loss=2 * step.loss) if number > 6 else step")
    fake("os._exit(3)", module=f"from dataclasses import replace\n{wrong}")
    (found,) = compare(PROBLEMS[:1], ["torch"], timeout=60.0)
    reason = found.results[0].reason or ""
    assert reason.endswith("of the 10 steps until then 4 were wrong, the first of them step 7")


def test_worker_that_hangs_between_blocks_is_killed_in_time(fake, streaming) -> None:
    mark = fake("time.sleep(600)", module=STOPPING)
    (found,) = compare(PROBLEMS[:1], ["torch"], timeout=6.0)
    assert (found.results[0].reason or "").startswith("still running after 6 s (--timeout)")
    assert gone(mark)


def test_block_that_cannot_be_read_costs_its_own_row(fake, streaming) -> None:
    write = '[os.write(fd, b\'{"event": "block", "problem": 0, "block": 99}\\n\') for fd in pipes()]'
    mark = fake(f"{write}; time.sleep(600)")
    (found,) = compare(PROBLEMS[:1], ["torch", "jax"], timeout=60.0)
    assert [one.verdict for one in found.results] == [Verdict.CRASHED, Verdict.AGREES]
    assert (found.results[0].reason or "").startswith("a block of its steps cannot be read: FileNotFoundError")
    assert gone(mark)


class Slow:
    """Takes its time, and sees how many blocks wait meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.waiting, self.taken = folder, 0, 0

    def add(self, block: Block | Excerpt) -> None:
        time.sleep(0.2)
        self.waiting = max(self.waiting, len(list(self.folder.rglob("block-*"))))
        self.taken += 1


@pytest.mark.parametrize(
    ("fault", "bounded"),
    [("", True), ("threading.Semaphore.acquire = lambda self, *_, **__: True", False)],
    ids=["waits", "does-not-wait"],
)
def test_no_more_than_two_blocks_wait(fake, streaming, fault, bounded) -> None:
    module = f"import threading\n{FAULTY}"
    fake(fault, module=module)
    slow = Slow(streaming)
    streams = {("torch", 0): Stream(plan=Plan(length=2), taker=slow)}
    outcomes = train_all(["torch"], PROBLEMS[:1], timeout=60.0, progress=silent, streams=streams)
    assert (outcomes["torch"][0].crashed, slow.taken) == (None, 10)
    assert (slow.waiting <= MOST_WAITING) is bounded
