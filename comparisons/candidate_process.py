"""A candidate file, run in a process of its own under a time limit, and judged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from comparisons.candidate_worker import returned_of, states_along
from comparisons.candidates import random_states, require_room
from comparisons.checking import Check, checked
from comparisons.computed import require_computed
from comparisons.recorded import require_plain
from comparisons.repeats import repeats
from comparisons.worker_process import WorkerProcess, ended, process_environment, python_command
from comparisons.workers import watch
from problems.problem import Problem, ProblemError
from problems.records import problem_to_json

DEFAULT_TIMEOUT = 60.0
NAME = "candidate"
PHASES = {
    "along": "along the problem",
    "random": "from a random state",
    "again": "from a state that was asked before",
}


def check_file(file: Path, problem: Problem, *, states: int, seed: int, timeout: float = DEFAULT_TIMEOUT) -> Check:
    """Check the train_step that `file` defines; raises ProblemError, one line, where it defines none.

    states: how many random states; seed: theirs; timeout: seconds for the whole run of the candidate.
    """
    require_computed("check", problem)
    _require_file(file)
    require_plain(problem)
    require_room(problem, states)
    events, end = _run(file, problem, states, seed, timeout)
    refused = next((event["reason"] for event in events if event["event"] == "refused"), None)
    if refused:
        raise ProblemError(f"{file}: {refused}")
    by_phase = {
        phase: [returned_of(e) for e in events if e["event"] == "step" and e["phase"] == phase]
        for phase in ("along", "random", "again")
    }
    states_drawn = random_states(problem, states, seed)
    stopped = _stopped(events, end)
    return checked(
        problem,
        file.name,
        list(zip(states_along(problem, by_phase["along"]), by_phase["along"], strict=True)),
        list(zip(states_drawn, by_phase["random"], strict=False)),
        seed=seed,
        again=repeats(problem, states_drawn, **by_phase),
        reason=stopped[0] if stopped else None,
        crashed=bool(stopped and stopped[1]),
    )


def _require_file(file: Path) -> None:
    """Raise ProblemError unless `file` is a regular file."""
    if not file.is_file():
        other = "is no regular file" if file.exists() else "there is no such file"
        raise ProblemError(f"{file}: {'is a folder' if file.is_dir() else other}")


def _run(file: Path, problem: Problem, states: int, seed: int, timeout: float) -> tuple[list[dict[str, Any]], str]:
    """The events that the candidate's process told, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="backproof-") as top:
        folder = Path(top)
        (folder / "problem-0.json").write_text(json.dumps(problem_to_json(problem)), encoding="utf-8")
        request = {"file": str(file.resolve()), "states": states, "seed": seed}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        command = python_command("comparisons.candidate_worker", str(folder))
        worker = WorkerProcess(command, folder, process_environment())
        with ended({NAME: worker}):
            ends = watch({NAME: worker}, timeout, lambda name, doing: None)
        return worker.events, ends[NAME]


def _stopped(events: list[dict[str, Any]], end: str) -> tuple[str, bool] | None:
    """Why the candidate did not come to its end, and whether that is a crash; None where it did."""
    for event in events:
        where = PHASES.get(event.get("phase", ""), "")
        done = sum(1 for e in events if e["event"] == "step" and e["phase"] == event.get("phase"))
        if event["event"] == "fault":
            return f"step {done + 1} {where}: {event['reason']}", False
        if event["event"] == "raised":
            return f"step {done + 1} {where}: train_step raised {event['reason']}", True
    if not any(event["event"] == "finished" for event in events):
        done = sum(1 for event in events if event["event"] == "step")
        return f"the candidate did not come to its end ({done} steps were returned): {end}", True
    return None
