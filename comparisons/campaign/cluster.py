"""Running tasks on the workers of a Dask scheduler."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from comparisons.campaign.failed import CampaignFailed
from comparisons.campaign.rows import Row, lost_row, row_of
from comparisons.campaign.tasks import Task
from comparisons.devices import CPU, missing_accelerator
from comparisons.implementations import package_version
from problems.requirements import ProblemError

CONNECT_SECONDS = 20
AHEAD = 2  # tasks given out for each thread of the cluster, so that none waits for its next


def rows_from_cluster(tasks: Sequence[Task], timeout: float, client: Any) -> Iterator[Row]:
    """The row of every task as it comes, in any order, each once.

    What a worker was at when it died, Dask gives to another. A task of which several die is done again when all else
    is done, since Dask cannot tell it from those that waited beside it; where they die once more, it has crashed.
    Raises CampaignFailed where the scheduler goes away or its workers cannot run backproof.
    """
    suspects = []
    try:
        for task, row in _tried(tasks, timeout, client):
            if row is None:
                suspects.append(task)
            else:
                yield row
        for suspect in suspects:
            for task, row in _tried([suspect], timeout, client):
                yield row or lost_row(task, "the workers of the cluster that it was given to died")
    except OSError as error:
        raise CampaignFailed(f"--cluster: the scheduler is gone: {error}") from None


def _tried(tasks: Sequence[Task], timeout: float, client: Any) -> Iterator[tuple[Task, Row | None]]:
    """Each task with its row, or with None where several workers died that had it."""
    from distributed import KilledWorker, as_completed

    waiting, completed = deque(tasks), as_completed()
    under_way: dict[Any, Task] = {}
    while waiting or under_way:
        while waiting and len(under_way) < AHEAD * max(1, sum(client.nthreads().values())):
            task = waiting.popleft()
            future = client.submit(row_of, task, timeout, pure=False)
            under_way[future] = task
            completed.add(future)
        future = next(completed)
        task = under_way.pop(future)
        try:
            row = future.result()
        except KilledWorker:
            row = None
        except Exception as error:
            raise CampaignFailed(f"--cluster: {type(error).__name__}: {error}") from None
        yield task, row


@contextmanager
def reached(address: str | None, devices: Collection[str] = (CPU,)) -> Iterator[Any]:
    """A client of the scheduler at `address`, None where none was asked for.

    Raises ProblemError where it does not answer, has no workers, or a worker lacks this backproof or one of `devices`.
    """
    if address is None:
        yield None
        return
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except OSError as error:
        raise ProblemError(f"--cluster: {address} does not answer ({type(error).__name__})") from None
    except ValueError:
        raise ProblemError(
            f"--cluster: {address!r} is no address of a Dask scheduler, such as tcp://host:8786"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise ProblemError(f"--cluster: {address} has no workers") from None
        _require_backproof(client)
        for device in {*devices} - {CPU}:
            _require(client, device)
        yield client


def _require(client: Any, device: str) -> None:
    """Raise ProblemError where a worker lacks the device."""
    for worker, missing in client.run(missing_accelerator).items():
        if missing:
            raise ProblemError(f"--device: {device} needs an NVIDIA GPU; --cluster: worker {worker}: {missing}")


def _require_backproof(client: Any) -> None:
    """Raise ProblemError where a worker lacks this backproof: Dask would wait for ever for what it cannot read."""

    def found() -> str:  # inside a function, so that it travels as it is and not by the name of its module
        import importlib
        import importlib.metadata

        importlib.import_module("comparisons.campaign.rows")
        return importlib.metadata.version("backproof")

    ours = package_version("backproof")
    for worker, theirs in client.run(found, on_error="return").items():
        if theirs != ours:
            raise ProblemError(f"--cluster: worker {worker} has backproof {theirs!r}, this process has {ours!r}")
