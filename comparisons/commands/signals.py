"""What ends this process from outside, in time to clean up: temporary folders go, and so does every worker."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGHUP)  # SIGINT is KeyboardInterrupt already


class Stopped(BaseException):
    """The process was asked to end; the code to leave with is what a shell tells of the signal, 128 + its number."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """Inside the block, a signal that asks this process to end is Stopped; one that is ignored (nohup) stays so."""
    heeded: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        heeded = [number for number in STOPPING if signal.getsignal(number) is signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: FrameType | None) -> None:
    for other in STOPPING:
        signal.signal(other, signal.SIG_IGN)  # another one would end the cleaning
    raise Stopped(number)
