"""What a user can get wrong: one line on standard error and an exit code, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import click

from comparisons.exit_codes import BAD_REQUEST, INTERRUPTED, NOTHING_COMPARED


class BadRequest(click.ClickException):
    """One line on standard error, exit 2."""

    exit_code = BAD_REQUEST

    def show(self, file: Any = None) -> None:
        """Print the line."""
        from comparisons.messages import plain

        print(f"backproof: {plain(self.message)}", file=file or sys.stderr)


def refusing(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user can get wrong into one line and exit 2."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from problems.problem import ProblemError
        from problems.trace import TraceError

        try:
            command(*args, **kwargs)
        except (ProblemError, TraceError) as error:
            raise BadRequest(str(error)) from None
        except OSError as error:
            what = error.strerror or type(error).__name__
            raise BadRequest(f"{error.filename}: {what}" if error.filename else what) from None
        except KeyboardInterrupt:
            print("backproof: interrupted", file=sys.stderr)
            sys.exit(INTERRUPTED)

    return wrapped


def fail(message: str) -> NoReturn:
    """One line, exit 3: what was asked for could not be run."""
    from comparisons.messages import plain

    print(f"backproof: {plain(message)}", file=sys.stderr)
    sys.exit(NOTHING_COMPARED)
