"""Average loss per epoch, as the lesson prints it."""

from __future__ import annotations

from array import array

import numpy as np

from problems.problem import Array


def epoch_losses(losses: Array, steps_per_epoch: int) -> tuple[float, ...]:
    """Average loss of each whole epoch of `losses` (steps,), every loss taken before its own update."""
    running = RunningEpochs(steps_per_epoch)
    running.add(losses)
    return running.averages()


class RunningEpochs:
    """The same of losses that arrive in order, a few at a time: one number an epoch is kept."""

    def __init__(self, steps_per_epoch: int) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.found = array("d")
        self.left = np.empty(0)  # losses of the epoch that has not ended

    def add(self, losses: Array) -> None:
        """Take these in; anything but one number a step is for the audit to tell of."""
        if losses.ndim != 1:
            return
        every = np.concatenate([self.left, losses.astype(np.float64)])
        whole = len(every) // self.steps_per_epoch * self.steps_per_epoch
        with np.errstate(all="ignore"):
            self.found.extend(every[:whole].reshape(-1, self.steps_per_epoch).mean(axis=1).tolist())
        self.left = every[whole:]

    def averages(self) -> tuple[float, ...]:
        """Average loss of each whole epoch."""
        return tuple(self.found)
