"""What commands say and write: standard output, files, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from comparisons.commands.streams import escaped_for


def asked_problems(
    arguments: Sequence[str], changes: Mapping[str, Any], *, streamed: bool = False
) -> list[tuple[str, Any]]:
    """Each argument with its problem, what is hardly meant in one said on standard error.

    streamed: the trace will not be held in memory, and may be of any length.
    """
    from comparisons.requests import chosen_problems

    chosen = chosen_problems(arguments, changes, streamed=streamed)
    for _, problem in chosen:
        warn_of(problem)
    return chosen


def asked_device(name: str | None, implementations: Sequence[str], *, here: bool = True) -> str:
    """The device asked for; which implementations train on the CPU all the same is said on standard error.

    here: whether it must be this machine's.
    """
    from comparisons.devices import CPU, chosen_device
    from comparisons.implementations import IMPLEMENTATIONS

    device = chosen_device(name, here=here)
    others = [one for one in implementations if IMPLEMENTATIONS[one].device_for(device) != device]
    if device != CPU and others:
        verb = "trains" if len(others) == 1 else "train"
        click.echo(f"backproof: --device {device}: {', '.join(others)} {verb} on the CPU", err=True)
    return device


def tell_of_fast(fast: bool, implementations: Sequence[str]) -> None:
    """Where --fast was asked for, say on standard error which implementations take single steps all the same."""
    from comparisons.fast import has_fast

    others = [one for one in implementations if not has_fast(one)]
    if fast and others:
        verb = "takes" if len(others) == 1 else "take"
        click.echo(f"backproof: --fast: {', '.join(others)} {verb} single steps as without it", err=True)


def warn_of(problem: Any) -> None:
    """One line on standard error where something in `problem` is hardly meant."""
    from comparisons.messages import problem_warning

    warning = problem_warning(problem)
    if warning:
        click.echo(f"backproof: warning: {warning}", err=True)


def stopped(problem: Any, tolerance: float | None, *, told_on_stderr: bool = False) -> Any:
    """`problem` with the epochs that --until-converged leaves of it, having said so in one line."""
    stop = stop_of(problem, tolerance, told_on_stderr=told_on_stderr)
    return stop.problem if stop else problem


def stop_of(problem: Any, tolerance: float | None, *, told_on_stderr: bool = False) -> Any:
    """Where --until-converged ends the training of `problem`, said in one line; None where it was not asked for."""
    if tolerance is None:
        return None
    from comparisons.convergence import stop_line, until_converged
    from comparisons.messages import plain

    stop = until_converged(problem, tolerance)
    click.echo(plain(stop_line(stop)), err=told_on_stderr)
    return stop


def write_folder(folder: str, comparisons: list[Any], reruns: list[dict[str, str]], again: str) -> None:
    """The report, and on standard error where to look."""
    from comparisons.messages import plain
    from comparisons.report.folder import write_report

    write_report(Path(folder), comparisons, reruns, again)
    click.echo(f"report: {plain(str(Path(folder) / 'report.html'))}", err=True)


def give_json(text: str, json_file: str) -> None:
    """JSON text to a file, whole or not at all, or to standard output."""
    from problems.writing import write_text

    if json_file == "-":
        click.echo(escaped_for(sys.stdout.encoding or "utf-8", text), nl=False)
    else:
        write_text(Path(json_file), text)


def report(
    comparisons: list[Any], json_file: str | None, reruns: list[dict[str, str]], with_seconds: bool = False
) -> None:
    """JSON where it was asked for; text on standard output unless JSON goes there.

    reruns: for each comparison the command that repeats one implementation alone, by its name.
    """
    from comparisons.json_report import as_json
    from comparisons.terminal import console_for, show, show_seconds

    if json_file:
        give_json(as_json(comparisons), json_file)
    if json_file == "-":
        return
    console = console_for(sys.stdout)
    for comparison, commands in zip(comparisons, reruns, strict=True):
        show(console, comparison, commands)
    if with_seconds:
        show_seconds(console, comparisons)


def finish(comparisons: list[Any], *, strict: bool, required: bool = False) -> NoReturn:
    """Leave with the exit code of formats.md."""
    from comparisons.outcome import exit_code

    sys.exit(exit_code(comparisons, strict=strict, required=required))
