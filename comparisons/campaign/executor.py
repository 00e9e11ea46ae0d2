"""Running tasks in several processes of this machine (loky, which comes with joblib)."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comparisons.campaign.cluster import rows_from_cluster
from comparisons.campaign.failed import CampaignFailed
from comparisons.campaign.rows import Row, lost_row, row_of
from comparisons.campaign.tasks import Task

MOST_LOSSES = 3  # how many tasks in a row may take their processes with them before it is not the tasks
TRIES = 2  # of a task whose process dies while no other runs: somebody may have killed it
AHEAD = 2  # tasks given out for each process, so that none waits for its next
PARENT_SECONDS = 1.0  # between two looks for the parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def rows(tasks: Sequence[Task], *, jobs: int, timeout: float, client: Any = None) -> Iterator[Row]:
    """The row of every task as it comes, in any order, each once.

    client: of the cluster that runs them; None for processes of this machine.
    A process that is killed breaks its pool: the tasks that were under way are done again, one at a time; what takes
    its process with it even so has crashed. Raises CampaignFailed where MOST_LOSSES in a row do.
    """
    if client is not None:
        yield from rows_from_cluster(tasks, timeout, client)
        return
    lost: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="backproof-", ignore_cleanup_errors=True) as scratch:
        for row, died in _rows_here(deque(tasks), jobs, timeout, Path(scratch)):
            if died:
                lost.append(row)
                if len(lost) == MOST_LOSSES:
                    raise CampaignFailed(f"{MOST_LOSSES} tasks in a row end with their processes: {row['reason']}")
            else:
                yield from (*lost, row)
                lost = []
        yield from lost


def _rows_here(waiting: deque[Task], jobs: int, timeout: float, scratch: Path) -> Iterator[tuple[Row, bool]]:
    """Every row, and whether the task's process died of it."""
    from joblib.externals.loky import BrokenProcessPool

    while waiting:
        under_way: dict[Future[Row], Task] = {}
        try:
            with _pool(jobs) as pool:
                while waiting or under_way:
                    while waiting and len(under_way) < AHEAD * jobs:
                        under_way[pool.submit(row_of, waiting[0], timeout, scratch)] = waiting[0]
                        waiting.popleft()
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        row = future.result()
                        del under_way[future]
                        yield row, False
        except BrokenProcessPool:
            yield from _one_at_a_time(deque(under_way.values()), timeout, scratch)


def _one_at_a_time(suspects: deque[Task], timeout: float, scratch: Path) -> Iterator[tuple[Row, bool]]:
    """The same for tasks of which one may have killed its process: alone it shows."""
    from joblib.externals.loky import BrokenProcessPool

    tries = 0
    while suspects:
        try:
            with _pool(1) as pool:
                while suspects:
                    row = pool.submit(row_of, suspects[0], timeout, scratch).result()
                    suspects.popleft()
                    tries = 0
                    yield row, False
        except BrokenProcessPool as error:
            tries += 1
            if tries == TRIES:
                tries = 0
                yield lost_row(suspects.popleft(), f"its process died: {error}"), True


@contextmanager
def _pool(jobs: int) -> Iterator[Any]:
    """Processes for this block, with the threads that this machine has for each."""
    from joblib import cpu_count
    from joblib.externals.loky import ProcessPoolExecutor

    threads = dict.fromkeys(THREADS, str(max(1, cpu_count() // jobs)))
    pool = ProcessPoolExecutor(max_workers=jobs, env=threads, initializer=end_with, initargs=(os.getpid(),))
    try:
        yield pool
    finally:
        pool.shutdown(kill_workers=True)  # what they hold is nobody's any more


def end_with(parent: int) -> None:
    """End this process, and with it its framework, when `parent` is gone: loky's own processes stay and wait."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
