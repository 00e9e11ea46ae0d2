"""The result of a training that is stored in a folder, judged block by block."""

from __future__ import annotations

from dataclasses import replace

from comparisons.judging import judged_blocks
from comparisons.structure import length_faults
from comparisons.verdict import Result, Verdict
from problems.trace_store import StoredTrace
from problems.training_parts import beginning

UNFINISHED = "it was not recorded to its end; the same backproof record goes on where it stopped"


def judged_stored(stored: StoredTrace, *, version: str | None) -> Result:
    """The result of auditing `stored`, in bounded memory.

    One that was not recorded to its end is judged as far as it goes, and disagrees.
    """
    early = [] if stored.complete else length_faults(stored.problem, stored.steps)
    result = judged_blocks(
        beginning(stored.problem, stored.steps) if early and stored.steps else stored.problem,
        stored.blocks(),
        implementation=stored.implementation,
        environment=stored.environment,
        version=version,
        seconds=stored.seconds,
    )
    return unfinished(result, early[0]) if early else result


def unfinished(result: Result, fault: str) -> Result:
    """The same of a training that stopped early, which `fault` says."""
    if result.audit is None:
        return result
    faults = (*(other for other in result.audit.faults if other != fault), f"{fault}: {UNFINISHED}")
    return replace(
        result,
        verdict=Verdict.DISAGREES,
        reason="; ".join(faults),
        known_deviation=None,
        audit=replace(result.audit, verdict=Verdict.DISAGREES, faults=faults),
    )
