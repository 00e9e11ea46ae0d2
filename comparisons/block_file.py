"""A block in a file: how a worker hands steps over to the process that judges them. It lives for a moment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from comparisons.excerpts import Excerpt
from problems.block import Block, TraceError
from problems.problem import Array

GROUPS = ("gradient", "parameter", "before")


def block_path(folder: Path, problem: int, block: int) -> Path:
    """Where block `block` of problem `problem` is written, both from 0."""
    return folder / f"block-{problem}-{block}"


def save_block(block: Block | Excerpt, path: Path) -> None:
    """Write the arrays one after another, their keys in a line before them; raises TraceError for any but numbers."""
    arrays = _arrays(block)
    with path.open("wb") as file:
        file.write(json.dumps(list(arrays)).encode() + b"\n")
        for key, values in arrays.items():
            if values.dtype.kind == "O":
                raise TraceError(f"{key} holds {values.dtype}, expected real numbers")
            np.lib.format.write_array(file, values, allow_pickle=False)


def load_block(path: Path) -> Block | Excerpt:
    """What `save_block` wrote; raises TraceError where that is not what stands there."""
    try:
        with path.open("rb") as file:
            keys = json.loads(file.readline())
            arrays = {key: np.lib.format.read_array(file, allow_pickle=False) for key in keys}
        return _block(arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TraceError(f"a block of its steps cannot be read: {type(error).__name__}: {error}") from None


def _arrays(block: Block | Excerpt) -> dict[str, Array]:
    if isinstance(block, Excerpt):
        before = {f"before.{name}": values for name, values in block.before.items()}
        return {**_arrays(block.block), "numbers": block.numbers, "losses": block.losses, **before}
    gradients = {f"gradient.{name}": values for name, values in block.gradients.items()}
    parameters = {f"parameter.{name}": values for name, values in block.parameters.items()}
    return {"rows": block.rows, "loss": block.loss, **gradients, **parameters}


def _block(arrays: dict[str, Array]) -> Block | Excerpt:
    gradients, parameters, before = (
        {key.partition(".")[2]: values for key, values in arrays.items() if key.startswith(f"{group}.")}
        for group in GROUPS
    )
    block = Block(rows=arrays["rows"], loss=arrays["loss"], gradients=gradients, parameters=parameters)
    if "numbers" not in arrays:
        return block
    return Excerpt(block=block, numbers=arrays["numbers"], before=before, losses=arrays["losses"])
