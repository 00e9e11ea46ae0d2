"""What libraries mean by the same name."""

from __future__ import annotations

import click

from comparisons.commands.output import give_json
from comparisons.commands.places import check_json
from comparisons.commands.refusals import BadRequest


@click.command(name="semantics")
@click.argument("concepts", nargs=-1, metavar="[CONCEPT...]")
@click.option("--json", "json_file", metavar="FILE", help="Write the table as JSON; - is standard output, and only it.")
def semantics(concepts: tuple[str, ...], json_file: str | None) -> None:
    """What adam, gelu, clip_norm and other names mean in each library: defaults, formula, how to get another's.

    Every row is a test of this project against the installed libraries; nothing is imported to print it.
    """
    import json

    from comparisons.semantics import semantics_record, told
    from comparisons.semantics_functions import FUNCTIONS
    from comparisons.semantics_text import semantics_text
    from comparisons.semantics_updates import UPDATES

    meanings = [*UPDATES, *FUNCTIONS]
    known = tuple(dict.fromkeys(meaning.concept for meaning in meanings))
    for concept in concepts:
        if concept not in known:
            raise BadRequest(f"concept {concept!r} is not in the table; choose from: {', '.join(known)}")
    check_json(json_file)
    rows = told(meaning for meaning in meanings if meaning.concept in (concepts or known))
    if json_file:
        records = {"schema": 1, "semantics": [semantics_record(row) for row in rows]}
        give_json(json.dumps(records, indent=2, ensure_ascii=False) + "\n", json_file)
    if json_file != "-":
        click.echo(semantics_text(rows), nl=False)
