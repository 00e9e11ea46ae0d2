"""What a comparison could not have noticed, in one line."""

from __future__ import annotations

from comparisons.blind_spots import MOST_PARAMETERS, too_large
from comparisons.streaming_text import updates_left_out
from comparisons.verdict import BlindSpots, Comparison

UPDATES_LEFT_OUT = "; mistakes of the update are not among them, since updates were not audited"


def blind_line(comparison: Comparison) -> str | None:
    """How many mistakes would not have been noticed, or that none was looked for; None where nothing was audited."""
    spots = comparison.blind_spots
    if spots is not None:
        return f"Blind spots: {_found(spots)}{UPDATES_LEFT_OUT if updates_left_out(comparison) else ''}"
    if too_large(comparison.problem) and any(result.audit for result in comparison.results):
        return f"Blind spots: not looked for in a network of more than {MOST_PARAMETERS} parameters"
    return None


def _found(spots: BlindSpots) -> str:
    if not spots.hidden:
        return f"none, each of {spots.looked_at:,} possible mistakes would have been noticed here"
    why = f": {'; '.join(spots.causes)}" if spots.causes else ""
    return (
        f"{len(spots.hidden):,} of {spots.looked_at:,} possible mistakes would not have been noticed here, "
        f"such as {spots.hidden[0]}{why}; backproof sensitivity lists them"
    )
