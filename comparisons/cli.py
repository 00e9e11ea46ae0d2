"""The command line: arguments in, comparisons out, exit codes 0 to 3. What is slow to import is imported where used."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from comparisons.outcome import BAD_REQUEST, INTERRUPTED, NOTHING_COMPARED


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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="backproof", message="%(package)s %(version)s")
def cli() -> None:
    """Prove that a training step is right: backpropagation by hand beside PyTorch, Keras and JAX.

    Every step's loss, gradients and parameters are held against a rounding bound that is derived, not tuned.
    Exit codes: 0 everything compared agrees, 1 something disagrees, 2 bad request, 3 something crashed
    or nothing could be compared.
    """


def training_options(command: Callable[..., None], *, with_rate: bool = True) -> Callable[..., None]:
    """The options that change a problem; with_rate: --learning-rate too."""
    options = (
        click.option("--dtype", metavar="DTYPE", help="float64 or float32."),
        click.option("--initial", metavar="START", help="constant:0.1, constant:1, random:SEED, glorot_uniform:SEED."),
        click.option("--epochs", type=int, metavar="N", help="How often every row is used."),
        click.option("--order", metavar="ORDER", help="sequential, shuffled (each epoch) or random (drawn each step)."),
        click.option("--seed", type=int, metavar="SEED", help="Seed of a shuffled or random order."),
        click.option("--batch-size", type=int, metavar="ROWS", help="Rows per step."),
        *([click.option("--learning-rate", type=float, metavar="RATE", help="Step size of the descent.")] * with_rate),
    )
    for option in reversed(options):
        command = option(command)
    return command


def training_options_but_rate(command: Callable[..., None]) -> Callable[..., None]:
    """The options that change a problem whose learning rates are given otherwise."""
    return training_options(command, with_rate=False)


until_converged_option = click.option(
    "--until-converged",
    type=float,
    metavar="TOL",
    help="Stop after the first epoch whose every step has ‖learning_rate · ∇L‖ below TOL; --epochs is the cap.",
)


@cli.command()
@click.argument("problems", nargs=-1, metavar="[PROBLEM|FILE.toml]...")
@click.option("--against", multiple=True, metavar="NAME,...", help="Only these implementations.")
@training_options
@until_converged_option
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - for standard output.")
@click.option("--report", "folder", metavar="DIR", help="Write a page, a summary, JSON, JUnit XML and tables there.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for each framework's process (600).")
@click.option(
    "--strict", is_flag=True, help="Known deviations fail too, and so do named implementations not installed."
)
@refusing
def compare(
    problems: tuple[str, ...],
    against: tuple[str, ...],
    until_converged: float | None,
    json_file: str | None,
    folder: str | None,
    timeout: float | None,
    strict: bool,
    **changes: Any,
) -> None:
    """Train every implementation on every problem and audit every step.

    Without PROBLEM: both lesson problems. Without --against: everything that is installed.
    """
    from comparisons.compare import DEFAULT_TIMEOUT
    from comparisons.compare import compare as run
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, chosen_problems, positive_seconds, rerun_command

    names = chosen_implementations(against)
    chosen = chosen_problems(problems, changes)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    check_writable(json_file)
    check_folder(folder)
    trained = [stopped(problem, until_converged, told_on_stderr=json_file == "-") for _, problem in chosen]
    with shown_progress() as progress:
        comparisons = run(trained, names, timeout=limit, progress=progress)
    asked = changes | {"until_converged": until_converged}
    commands = [rerun_command(argument, asked) for argument, _ in chosen]
    report(comparisons, json_file, commands, with_seconds=True)
    if folder is not None:
        reruns = [
            {result.name: command.replace("{name}", result.name) for result in comparison.results}
            for comparison, command in zip(comparisons, commands, strict=True)
        ]
        every = ",".join(names)
        again = [f"{command.replace('{name}', every)} --report report" for command in commands]
        write_folder(folder, comparisons, reruns, "\n".join(again))
    finish(comparisons, strict=strict, required=bool(against))


@cli.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option("--with", "name", required=True, metavar="NAME", help="The implementation that trains.")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="Where to keep the trace.")
@training_options
@until_converged_option
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for the framework's process (600).")
@refusing
def record(
    problem: str,
    name: str,
    output: str,
    until_converged: float | None,
    timeout: float | None,
    **changes: Any,
) -> None:
    """Train with one implementation and keep the trace of every step."""
    from comparisons.compare import DEFAULT_TIMEOUT, trained
    from comparisons.implementations import install_command, installed
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, chosen_problems, positive_seconds
    from problems.trace_file import save_trace

    one, *others = chosen_implementations((name,))
    if others:
        raise BadRequest(f"--with: {name!r} names more than one implementation; a trace is of one")
    ((_, chosen),) = chosen_problems((problem,), changes)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    check_writable(output)
    if not installed(one):
        fail(f"{one} is not installed; install with: {install_command(one)}")
    chosen = stopped(chosen, until_converged)
    with shown_progress() as progress:
        outcome = trained(one, chosen, timeout=limit, progress=progress)
    if outcome.trace is None:
        fail(f"{one}: {outcome.crashed or outcome.skipped}")
    save_trace(outcome.trace, Path(output))
    click.echo(
        f"{output}: {outcome.trace.steps} steps of {chosen.name} by {one}; check it with: backproof audit {output}"
    )


@cli.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE.npz...")
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - for standard output.")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def audit(traces: tuple[str, ...], json_file: str | None, strict: bool) -> None:
    """Check traces from anywhere, without the framework that made them."""
    from comparisons.compare import compared, judged_trace
    from problems.trace_file import load_trace

    check_writable(json_file)
    loaded = [load_trace(Path(path)) for path in traces]
    comparisons = [
        compared(trace.problem, [judged_trace(trace, version=_versions(trace.environment))]) for trace in loaded
    ]
    report(comparisons, json_file, [f"backproof audit {path}" for path in traces])
    finish(comparisons, strict=strict)


def _versions(environment: Any) -> str | None:
    told = [f"{name} {value}" for name, value in environment.items() if name not in ("python", "platform")]
    return ", ".join(told) or None


@cli.command(name="report")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE.npz...")
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="The folder to write.")
@click.option("--strict", is_flag=True, help="Known deviations fail too.")
@refusing
def report_traces(traces: tuple[str, ...], folder: str, strict: bool) -> None:
    """Put traces from anywhere side by side: a page, a summary, JSON, JUnit XML and a table per trace."""
    from comparisons.report.traces import side_by_side
    from problems.trace_file import load_trace

    loaded = [(path, load_trace(Path(path))) for path in traces]
    check_folder(folder)
    comparisons, reruns = side_by_side(loaded)
    write_folder(folder, comparisons, reruns, f"{shlex.join(['backproof', 'report', *traces])} -o report")
    finish(comparisons, strict=strict)


@cli.command()
@click.argument("file", metavar="FILE.py")
@click.option(
    "--problem", default="classification", metavar="NAME|FILE.toml", help="The problem to train (classification)."
)
@training_options
@click.option("--states", type=int, metavar="N", help="How many random states to try besides the problem's steps (64).")
@click.option("--states-seed", type=int, metavar="SEED", help="Seed of the random states (0).")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for the candidate's process (60).")
@refusing
def check(
    file: str,
    problem: str,
    states: int | None,
    states_seed: int | None,
    json_file: str | None,
    timeout: float | None,
    **changes: Any,
) -> None:
    """Check the train_step of a Python file: is it right, and if not, which derivative and which mistake?

    FILE defines train_step(parameters, x, y, learning_rate) and returns (loss, new_parameters) or
    (loss, new_parameters, gradients). It runs in a process of its own.
    """
    from comparisons.api import DEFAULT_STATES
    from comparisons.candidate_process import DEFAULT_TIMEOUT, check_file
    from comparisons.check_text import check_text
    from comparisons.json_report import as_json
    from comparisons.requests import at_least, chosen_problems, positive_seconds
    from comparisons.verdict import Comparison

    ((_, chosen),) = chosen_problems((problem,), changes)
    check_writable(json_file)
    found = check_file(
        Path(file),
        chosen,
        states=at_least("--states", states, DEFAULT_STATES, least=3),
        seed=at_least("--states-seed", states_seed, 0, least=0),
        timeout=positive_seconds(timeout, DEFAULT_TIMEOUT),
    )
    comparison = Comparison(problem=chosen, results=(found.result,))
    if json_file != "-":
        click.echo(check_text(found))
    if json_file:
        give_json(as_json([comparison]), json_file)
    finish([comparison], strict=True)


@cli.command()
@click.argument("problem", default="classification", metavar="[PROBLEM|FILE.toml]")
@click.option(
    "--tolerance", default="derived", metavar="derived|RTOL,ATOL", help="The check: the derived bound, or allclose."
)
@click.option("--steps", type=int, metavar="N", help="How many steps to train (all).")
@training_options
@click.option("--json", "json_file", metavar="FILE", help="Write the kill matrix as JSON; - for standard output.")
@refusing
def sensitivity(problem: str, tolerance: str, steps: int | None, json_file: str | None, **changes: Any) -> None:
    """Plant every mistake of the catalogue in every formula, and report which ones a check would not notice.

    A tolerance RTOL,ATOL stands for numpy.allclose over the loss and the parameters of every step.
    """
    from comparisons.blind_spots import blind_spots
    from comparisons.requests import at_least, chosen_problems, chosen_tolerance
    from comparisons.sensitivity import sensitivity as run
    from comparisons.sensitivity_report import as_json, matrix_text

    ((_, chosen),) = chosen_problems((problem,), changes)
    check_writable(json_file)
    found = run(chosen, steps=at_least("--steps", steps, chosen.steps, least=1), tolerance=chosen_tolerance(tolerance))
    if json_file != "-":
        click.echo(matrix_text(found, blind_spots(chosen)))
    if json_file:
        give_json(as_json(found), json_file)


@cli.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option(
    "--learning-rates",
    default="1e-4:10:6",
    metavar="RATE,...|FIRST:LAST:COUNT",
    help="Numbers, or a range with logarithmic spacing (1e-4:10:6).",
)
@training_options_but_rate
@until_converged_option
@click.option("--json", "json_file", metavar="FILE", help="Write every rate's losses as JSON; - for standard output.")
@refusing
def sweep(
    problem: str, learning_rates: str, until_converged: float | None, json_file: str | None, **changes: Any
) -> None:
    """Train at many learning rates at once: which are slow, converge, overshoot or diverge?

    Trained by hand as one ensemble, the rates being a leading axis of the formulas. F is the loss over all rows.
    The first verdict that fits: diverges (a loss is not finite, or F ends more than 1% above its start),
    overshoots (F rises by more than 1% of its start in some epoch), slow (F falls by less than half of what it
    falls at the best of the rates, or by less than 1% of its start), converges.
    """
    from comparisons.convergence import OPTION
    from comparisons.learning_rates import chosen_rates
    from comparisons.requests import chosen_problems
    from comparisons.sweep import sweep as run
    from comparisons.sweep_text import as_json, sweep_text
    from problems.requirements import require_positive

    rates = chosen_rates(learning_rates)
    ((_, chosen),) = chosen_problems((problem,), changes)
    limit = None if until_converged is None else require_positive(OPTION, until_converged)
    check_writable(json_file)
    found = run(chosen, rates, limit)
    if json_file != "-":
        click.echo(sweep_text(found))
    if json_file:
        give_json(as_json(found), json_file)


@cli.command()
@click.argument("problem", metavar="PROBLEM|FILE.toml")
@click.option("--step", default="1", metavar="K", help="The step to explain, from 1, or last (1).")
@click.option("--with", "names", multiple=True, metavar="NAME,...", help="Only these implementations beside it.")
@training_options
@until_converged_option
@click.option("--latex", is_flag=True, help="The formulas as LaTeX, without numbers.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Limit for each framework's process (600).")
@refusing
def explain(
    problem: str,
    step: str,
    names: tuple[str, ...],
    until_converged: float | None,
    latex: bool,
    timeout: float | None,
    **changes: Any,
) -> None:
    """One training step in full: forward, loss, the chain of each derivative in letters and numbers, the update.

    The same derivatives from every installed implementation stand beside it; --with manual-matrix starts no process.
    """
    from comparisons.compare import DEFAULT_TIMEOUT
    from comparisons.explanation import chosen_step, explained
    from comparisons.explanation_text import explanation_text
    from comparisons.progress import shown_progress
    from comparisons.requests import chosen_implementations, chosen_problems, positive_seconds

    chosen_names = chosen_implementations(names)
    ((_, chosen),) = chosen_problems((problem,), changes)
    limit = positive_seconds(timeout, DEFAULT_TIMEOUT)
    chosen = stopped(chosen, until_converged, told_on_stderr=latex)
    number = chosen_step(step, chosen)
    if latex:
        from comparisons.formulas import latex_formulas

        click.echo(latex_formulas(chosen))
        return
    with shown_progress() as progress:
        found = explained(chosen, number, chosen_names, timeout=limit, progress=progress)
    click.echo(explanation_text(found))
    if any(told.verdict == "crashed" for told in found.told):
        sys.exit(NOTHING_COMPARED)


@cli.command()
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
    check_writable(output)
    with shown_progress() as progress:
        page = lesson_page(chosen_names, timeout=limit, progress=progress)
    write_text(Path(output), page)
    click.echo(f"{output}: open it in a browser; it needs no network")


@cli.command(name="problems")
def list_problems() -> None:
    """The problems that can be named, and how to write one."""
    from problems.catalogue import DESCRIPTIONS

    width = max(map(len, DESCRIPTIONS))
    for name, description in DESCRIPTIONS.items():
        click.echo(f"{name:<{width}}  {description}")
    click.echo("\nA problem of your own is a TOML file; give its path where a name is asked for.")


@cli.command(name="implementations")
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


def stopped(problem: Any, tolerance: float | None, *, told_on_stderr: bool = False) -> Any:
    """`problem` with the epochs that --until-converged leaves of it, having said so in one line."""
    if tolerance is None:
        return problem
    from comparisons.convergence import stop_line, until_converged
    from comparisons.messages import plain

    stop = until_converged(problem, tolerance)
    click.echo(plain(stop_line(stop)), err=told_on_stderr)
    return stop.problem


def check_writable(path: str | None) -> None:
    """Refuse an output file that cannot be written, before any work is done."""
    if path is None or path == "-":
        return
    if Path(path).is_dir():
        raise BadRequest(f"{path}: is a folder; name a file")
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise BadRequest(f"{path}: the folder {folder} does not exist")


def check_folder(folder: str | None) -> None:
    """Refuse a report's folder that cannot be written, before any work is done."""
    if folder is not None:
        from comparisons.report.folder import require_folder

        require_folder(Path(folder))


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
        click.echo(text, nl=False)
    else:
        write_text(Path(json_file), text)


def report(comparisons: list[Any], json_file: str | None, commands: list[str], with_seconds: bool = False) -> None:
    """JSON where it was asked for; text on standard output unless JSON goes there."""
    from comparisons.json_report import as_json
    from comparisons.terminal import console_for, show, show_seconds

    if json_file:
        give_json(as_json(comparisons), json_file)
    if json_file == "-":
        return
    console = console_for(sys.stdout)
    for comparison, command in zip(comparisons, commands, strict=True):
        show(console, comparison, command)
    if with_seconds:
        show_seconds(console, comparisons)


def finish(comparisons: list[Any], *, strict: bool, required: bool = False) -> NoReturn:
    """Leave with the exit code of formats.md."""
    from comparisons.outcome import exit_code

    sys.exit(exit_code(comparisons, strict=strict, required=required))


def fail(message: str) -> NoReturn:
    """One line, exit 3: what was asked for could not be run."""
    from comparisons.messages import plain

    print(f"backproof: {plain(message)}", file=sys.stderr)
    sys.exit(NOTHING_COMPARED)


def main() -> None:
    """The entry point of the command `backproof`."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        sys.exit(BAD_REQUEST)
    except click.ClickException as error:
        BadRequest(error.format_message()).show()
        sys.exit(BAD_REQUEST)
    except (KeyboardInterrupt, click.Abort):
        print("backproof: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(BAD_REQUEST)


if __name__ == "__main__":
    main()
