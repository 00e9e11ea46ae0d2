"""Running tasks in several processes: joblib's loky on this machine, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from comparisons.campaign.rows import Row, row_of
from comparisons.campaign.tasks import Task
from problems.requirements import ProblemError

CONNECT_SECONDS = 20
MOST_LOSSES = 3  # how often in a row a pool may break without a single result in between


class CampaignFailed(Exception):
    """The processes die before any of them gives a result; one line."""


def rows(tasks: Sequence[Task], *, jobs: int, timeout: float, cluster: str | None = None) -> Iterator[Row]:
    """The row of every task as it comes, in any order.

    A process that is killed breaks its pool: the tasks without a row are given to a new one, and none is given twice
    but those that were under way. Raises CampaignFailed where MOST_LOSSES pools in a row break without one result.
    """
    from joblib.externals.loky import BrokenProcessPool

    left = {task.key: task for task in tasks}
    losses = 0
    while left:
        try:
            for row in _started(list(left.values()), jobs, timeout, cluster):
                del left[row["key"]]
                losses = 0
                yield row
        except BrokenProcessPool as error:
            losses += 1
            if losses == MOST_LOSSES:
                raise CampaignFailed(f"{len(left)} tasks left, and their processes die: {error}") from None


def _started(tasks: list[Task], jobs: int, timeout: float, cluster: str | None) -> Iterator[Row]:
    from joblib import Parallel, delayed

    with _backend(cluster):
        # One task at a time to each process: a framework's task takes seconds, and one that is lost costs one.
        parallel = Parallel(n_jobs=-1 if cluster else jobs, return_as="generator_unordered", batch_size=1)
        yield from parallel(delayed(row_of)(task, timeout) for task in tasks)


@contextmanager
def _backend(cluster: str | None) -> Iterator[None]:
    """Where joblib runs its tasks inside this block."""
    if cluster is None:
        yield
        return
    from distributed import Client
    from joblib import parallel_config

    try:
        client = Client(cluster, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ProblemError(f"--cluster: {cluster} does not answer ({type(error).__name__})") from None
    with client, parallel_config(backend="dask"):
        yield
