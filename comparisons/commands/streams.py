"""Standard output and standard error that never end in a traceback: closed, full, or short of letters."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DEGRADED = "backproof.degraded"  # the name of the error handler: what a stream cannot hold is written in other letters
LETTERS = {
    "∂": "d", "δ": "delta", "σ": "sigma", "Σ": "sum", "η": "eta", "θ": "theta", "γ": "gamma", "λ": "lambda",
    "ŷ": "y_hat", "ε": "eps", "·": "*", "×": "x", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "←": "<-",
    "‖": "||", "²": "^2", "½": "1/2", "ᵀ": "^T", "′": "'", "≤": "<=", "≥": ">=", "∇": "grad ", "∞": "inf", "√": "sqrt",
    "₁": "1", "₂": "2", "ₖ": "k", "±": "+-", "∘": "o", "°": " degrees", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def degraded(error: UnicodeError) -> tuple[str, int]:
    """Letters that every encoding has, in place of those that this one lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(LETTERS.get(letter, "?") for letter in missing), error.end


codecs.register_error(DEGRADED, degraded)


class Patient(io.TextIOBase):
    """A standard stream that a failure to write does not end; `failure` keeps it, a reader that left is none.

    It shows no binary buffer, so that nothing is written around it.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream  # None where it was closed before Python started
        self.failure: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=DEGRADED)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream underneath."""
        return str(getattr(self.stream, "encoding", None) or "utf-8")

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What becomes of letters that the encoding lacks."""
        return DEGRADED

    def writable(self) -> bool:
        """It is written to."""
        return True

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        return bool(self.stream is not None and self.stream.isatty())

    def write(self, text: str) -> int:
        """Write `text`, or note why that failed."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._kept(lambda: self.stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what is held back, or note why that failed."""
        self._kept(lambda: self.stream.flush())

    def _kept(self, action: Any) -> None:
        if self.stream is None:
            return
        try:
            action()
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self.failure = self.failure or error
            self._give_up()

    def _give_up(self) -> None:
        """Lead the descriptor nowhere, so that what is still held back fails no more."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)


@contextmanager
def guarded() -> Iterator[tuple[Patient, Patient]]:
    """Put patient streams in place of standard output and standard error; closed descriptors lead nowhere."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
    before = sys.stdout, sys.stderr
    output, errors = Patient(sys.stdout), Patient(sys.stderr)
    sys.stdout, sys.stderr = output, errors
    try:
        yield output, errors
    finally:
        sys.stdout, sys.stderr = before


def escaped_for(encoding: str, text: str) -> str:
    """JSON text for a stream of `encoding`: what that cannot hold as JSON's own escapes."""
    if codecs.lookup(encoding).name.startswith("utf-"):
        return text
    return re.sub("[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
