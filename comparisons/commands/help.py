"""The text of --help, in which a name stays in one line: click would break --until-converged after a hyphen."""

from __future__ import annotations

from collections.abc import Iterable

import click

WHOLE = "\N{NON-BREAKING HYPHEN}"


class HelpFormatter(click.HelpFormatter):
    """Click's own, but for lines that end within a name."""

    def write_text(self, text: str) -> None:
        """A paragraph, or several."""
        super().write_text(text.replace("-", WHOLE))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Options or commands with what is said of each."""
        super().write_dl([(name, said.replace("-", WHOLE)) for name, said in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """All of it, with hyphens as they are typed."""
        return super().getvalue().replace(WHOLE, "-")


class HelpContext(click.Context):
    """Where click makes the text."""

    formatter_class = HelpFormatter
