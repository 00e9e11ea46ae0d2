"""What a verdict is called on the page, its colour's name, and how bad it is."""

from __future__ import annotations

from typing import NamedTuple

from comparisons.arithmetic.operands import WORDS
from comparisons.verdict import QuantityAudit, Result, Verdict


class Status(NamedTuple):
    """words: what is said; kind: the name that the style sheet colours; rank: 0 is the worst."""

    words: str
    kind: str
    rank: int


WRONG = Status("disagrees", "wrong", 0)
CRASHED = Status("crashed", "crashed", 1)
CARRIES = Status("carries float32", "carries", 2)
BLIND = Status("blind", "blind", 3)
NOT_TOLD = Status("not told", "blind", 3)
NOT_COMPARED = Status("not compared", "blind", 3)
SKIPPED = Status("skipped", "skipped", 4)
AGREES = Status("agrees", "agrees", 5)
PLAIN = {Verdict.CRASHED: CRASHED, Verdict.BLIND: BLIND, Verdict.SKIPPED: SKIPPED, Verdict.AGREES: AGREES}


def status_of(result: Result) -> Status:
    """The status of one implementation."""
    if result.verdict in PLAIN:
        return PLAIN[result.verdict]
    return _carrying(result.audit.carries) if result.audit else WRONG


def status_of_quantity(quantity: QuantityAudit) -> Status:
    """The status of one quantity over all steps."""
    if quantity.wrong:
        return _carrying(quantity.carries)
    if quantity.worst:
        return AGREES
    return NOT_TOLD if quantity.not_told else NOT_COMPARED


def _carrying(carries: str | None) -> Status:
    """The status of what disagrees, by the lower precision that it carries."""
    if carries is None:
        return WRONG
    return CARRIES._replace(words=f"carries {WORDS[carries]}") if carries in WORDS else CARRIES
