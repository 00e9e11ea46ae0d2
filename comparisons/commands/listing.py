"""What can be named: problems and implementations."""

from __future__ import annotations

import click


@click.command(name="problems")
def list_problems() -> None:
    """The problems that can be named, and how to write one."""
    from problems.catalogue import DESCRIPTIONS

    width = max(map(len, DESCRIPTIONS))
    for name, description in DESCRIPTIONS.items():
        click.echo(f"{name:<{width}}  {description}")
    click.echo("\nA problem of your own is a TOML file; give its path where a name is asked for.")


@click.command(name="implementations")
def list_implementations() -> None:
    """What can train, its version, and how to install what is missing."""
    from comparisons.implementations import NAMES, install_command, installed, missing_packages, version

    width = max(map(len, NAMES))
    for name in NAMES:
        if installed(name):
            state = version(name)
        else:
            state = f"not installed ({', '.join(missing_packages(name))} missing): {install_command(name)}"
        click.echo(f"{name:<{width}}  {state}")
