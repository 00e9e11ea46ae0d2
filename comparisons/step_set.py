"""Which steps of a training something is true of, in one bit a step: what an audit of any length can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from functools import reduce

import numpy as np

from problems.problem import Array


class StepSet(Set[int]):
    """Numbers of steps, from 1; equal to any set of the same numbers."""

    def __init__(self, steps: Iterable[int] = ()) -> None:
        self.bits: Array = np.zeros(0, dtype=np.uint8)
        self.add(np.fromiter(steps, dtype=np.int64))

    def add(self, steps: Array) -> None:
        """Put these in, in any order."""
        if not len(steps):
            return
        needed = int(steps.max()) // 8 + 1
        if needed > len(self.bits):
            self.bits = np.pad(self.bits, (0, max(needed, 2 * len(self.bits)) - len(self.bits)))
        np.bitwise_or.at(self.bits, steps // 8, np.left_shift(1, steps % 8).astype(np.uint8))

    def __contains__(self, step: object) -> bool:
        return isinstance(step, int) and 0 <= step < 8 * len(self.bits) and bool(self.bits[step // 8] >> step % 8 & 1)

    def __iter__(self) -> Iterator[int]:
        for byte in np.flatnonzero(self.bits).tolist():
            yield from (8 * byte + bit for bit in range(8) if self.bits[byte] >> bit & 1)

    def __len__(self) -> int:
        return int(np.bitwise_count(self.bits).sum())


def counted_once(sets: Iterable[Set[int]]) -> int:
    """How many steps stand in any of the sets."""
    bits = [one.bits if isinstance(one, StepSet) else StepSet(one).bits for one in sets]
    longest = max(map(len, bits), default=0)
    either = reduce(np.bitwise_or, (np.pad(one, (0, longest - len(one))) for one in bits), np.zeros(longest, np.uint8))
    return int(np.bitwise_count(either).sum())
