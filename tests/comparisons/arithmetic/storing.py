"""Arithmetic in a format for storage at its worst: every operation, and every partial sum, rounded to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from problems.dtypes import rounded


class Storing(np.ndarray):
    """A float64 array of numbers of the format `held`, whose operations round to it."""

    held: str

    @classmethod
    def of(cls, values: Any, held: str) -> Storing:
        """`values` rounded to the format."""
        with np.errstate(over="ignore"):
            new = rounded(values, held).astype(np.float64).view(cls)
        new.held = held
        return new

    def __array_finalize__(self, other: Any) -> None:
        self.held = getattr(other, "held", "")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        held = next(one.held for one in inputs if isinstance(one, Storing))
        plain = [one.view(np.ndarray) if isinstance(one, Storing) else one for one in inputs]
        if ufunc is np.matmul:
            return self._added(np.stack([plain[0][..., k, None] * plain[1][..., k, None, :] for k in _terms(plain)]))
        if method == "reduce" and ufunc is np.add:
            return self._summed(plain[0], **options)
        result = getattr(ufunc, method)(*plain, **options)
        return result if result.dtype == bool else Storing.of(result, held)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(function, types, args, kwargs)
        return Storing.of(result, self.held) if function is np.where else result

    def _added(self, terms: Any) -> Storing:
        """Terms along the first axis, rounded and then added one by one."""
        first, *others = (Storing.of(term, self.held) for term in terms)
        for term in others:
            first = first + term
        return first

    def _summed(self, values: Any, axis: Any, keepdims: bool = False, **_: Any) -> Storing:
        axes = tuple(one % values.ndim for one in np.atleast_1d(axis))
        kept = [one for one in range(values.ndim) if one not in axes]
        shape = [1 if one in axes else size for one, size in enumerate(values.shape)]
        terms = values.transpose(*axes, *kept).reshape(-1, *(values.shape[one] for one in kept))
        return self._added(terms).reshape(shape) if keepdims else self._added(terms)


def _terms(operands: list[Any]) -> range:
    return range(operands[0].shape[-1])
