"""Which tests pytest-xdist gives to one process: those of one file, and of some files those of one implementation.

A training or a library's start that several tests look at is then made once, and not once in every process.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

from comparisons.implementations import NAMES

# Of these every implementation takes long, and shares nothing with another.
BY_IMPLEMENTATION = {
    "tests/frameworks/test_fast.py",
    "tests/frameworks/test_fast_grid.py",
    "tests/frameworks/test_grid.py",
    "tests/frameworks/test_train.py",
    "tests/test_any_network.py",
    "tests/test_crosscheck.py",
    "tests/test_no_false_alarms.py",
}
LONGEST_FIRST = sorted(NAMES, key=len, reverse=True)  # keras-torch before torch


class Together(LoadScopeScheduling):
    """Files, or parts of files, are given out one by one, those of many tests first."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file not in BY_IMPLEMENTATION:
            return file
        return next((f"{file} {name}" for name in LONGEST_FIRST if name in test), file)
