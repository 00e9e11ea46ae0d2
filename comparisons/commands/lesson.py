"""Write the lesson."""

from __future__ import annotations

from pathlib import Path

import click

from comparisons.commands.places import check_writable
from comparisons.commands.refusals import refusing


@click.command()
@click.option("-o", "--output", required=True, metavar="FILE.html", help="Where to write the page.")
@click.option(
    "--with", "names", multiple=True, metavar="NAME,...", help="Only these implementations beside the hand's."
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for each framework's process (600).")
@refusing
def lesson(output: str, names: tuple[str, ...], timeout: float | None) -> None:
    """Write the lesson: what backpropagation is, how it is computed and why it works, as one page.

    Its numbers come from training both lesson problems now; --with manual-matrix starts no framework.
    """
    from comparisons.compare import DEFAULT_TIMEOUT
    from comparisons.lesson.page import lesson_page
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, positive_seconds
    from problems.writing import write_text

    chosen_names = chosen_implementations(names)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    check_writable("-o", output)
    with shown_progress() as progress:
        page = lesson_page(chosen_names, timeout=limit, progress=progress)
    write_text(Path(output), page)
    click.echo(f"{output}: open it in a browser; it needs no network")
