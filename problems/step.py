"""What any implementation reports of one training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from problems.problem import Array, Parameters


def _copied(values: object) -> Array:
    copy = np.array(values)
    copy.setflags(False)  # type: ignore[call-arg]  # by keyword it takes as long as the copy; NumPy's types forbid it
    return copy


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One update, with everything copied and read-only.

    rows: (batch,) positions in the problem's data; loss: () before the update;
    gradients: canonical name to array, before the update; parameters: the same names, after the update.
    """

    rows: Array
    loss: Array
    gradients: Parameters
    parameters: Parameters

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _copied(self.rows))
        object.__setattr__(self, "loss", _copied(self.loss))
        object.__setattr__(self, "gradients", _copied_all(self.gradients))
        object.__setattr__(self, "parameters", _copied_all(self.parameters))


def _copied_all(tensors: Mapping[str, object]) -> Parameters:
    return {name: _copied(values) for name, values in tensors.items()}
