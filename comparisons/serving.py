"""A framework's process that trains one problem after another. Run as `python -P -m comparisons.serving NAME FOLDER`.

Each line on standard input is the number of a problem: problem-N in FOLDER is trained, and its trace written to
trace-N.npz beside it. Events are those of comparisons.worker. The process ends with its parent.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from pathlib import Path

from comparisons.worker import import_and_tell, private_events, train_and_tell


def main() -> None:
    """Import the framework once, then train every problem that is asked for."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    events = private_events()
    asked = numbers_asked()
    trainer, _ = import_and_tell(events, name)
    while True:
        number = asked.get()
        train_and_tell(events, name, trainer, number, folder)


def numbers_asked() -> queue.SimpleQueue[int]:
    """Numbers as they arrive on standard input; its end, which is the parent's, ends this process and its children."""
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(int(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    return asked


if __name__ == "__main__":
    main()
