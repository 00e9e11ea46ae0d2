"""What can be named: problems and implementations."""

from __future__ import annotations

import click


@click.command(name="problems")
def list_problems() -> None:
    """The problems that can be named, and how to write one."""
    from problems.catalogue import DESCRIPTIONS
    from problems.tables import INSTALL, TABLES, installed

    tables = {name: table.description for name, table in TABLES.items()}
    width = max(map(len, (*DESCRIPTIONS, *tables)))
    for name, description in (DESCRIPTIONS | tables).items():
        click.echo(f"{name:<{width}}  {description}")
    if not installed():
        click.echo(f"\n{', '.join(tables)}: tables of scikit-learn, which is not installed; install with: {INSTALL}")
    click.echo("\nA problem of your own is a TOML file; give its path where a name is asked for.")


@click.command(name="implementations")
def list_implementations() -> None:
    """What can train, its version, and how to install what is missing."""
    from comparisons.fast import has_fast
    from comparisons.implementations import NAMES, install_command, installed, missing_packages, version

    width = max(map(len, NAMES))
    for name in NAMES:
        if installed(name):
            state = version(name) + (" (--fast)" if has_fast(name) else "")
        else:
            state = f"not installed ({', '.join(missing_packages(name))} missing): {install_command(name)}"
        click.echo(f"{name:<{width}}  {state}")
