"""The command line: arguments in, comparisons out, exit codes 0 to 3."""

from __future__ import annotations

import gc
import os
import sys
import traceback

import click

from comparisons.commands.audit import audit
from comparisons.commands.campaign import campaign
from comparisons.commands.check import check
from comparisons.commands.compare import compare
from comparisons.commands.explain import explain
from comparisons.commands.help import HelpContext
from comparisons.commands.lesson import lesson
from comparisons.commands.listing import list_implementations, list_problems
from comparisons.commands.record import record
from comparisons.commands.refusals import BadRequest
from comparisons.commands.report import report_traces
from comparisons.commands.semantics import semantics
from comparisons.commands.sensitivity import sensitivity
from comparisons.commands.signals import Stopped, stopping
from comparisons.commands.streams import guarded
from comparisons.commands.sweep import sweep
from comparisons.exit_codes import AGREED, BAD_REQUEST, INTERRUPTED, NOTHING_COMPARED


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="backproof", message="%(package)s %(version)s")
def cli() -> None:
    """Prove that a training step is right: backpropagation by hand beside PyTorch, Keras and JAX.

    Every step's loss, gradients and parameters are held against a rounding bound that is derived, not tuned.
    Exit codes: 0 everything compared agrees, 1 something disagrees, 2 bad request, 3 something crashed
    or nothing could be compared.
    """


COMMANDS = (
    compare,
    record,
    audit,
    report_traces,
    check,
    sensitivity,
    sweep,
    explain,
    lesson,
    campaign,
    list_problems,
    list_implementations,
    semantics,
)
for command in COMMANDS:
    cli.add_command(command)
for shown in (cli, *COMMANDS):
    shown.context_class = HelpContext


def main() -> None:
    """The entry point of the command `backproof`.

    A reader of standard output that leaves early (`| head -1`) changes nothing: the exit code is the run's own.
    """
    # Before NumPy is loaded: threads of its OpenBLAS that wait for a product sleep, where others need the processors.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    with guarded() as (output, errors):
        code = _run()
        output.flush()
        if output.failure is not None:
            BadRequest(f"standard output: {output.failure.strerror or output.failure}").show()
            code = BAD_REQUEST
        errors.flush()
    gc.freeze()  # to look through all that was ever imported for garbage takes an exit four times as long
    sys.exit(code)


def _run() -> int:
    """Run the command that was asked for; the exit code."""
    try:
        with stopping():
            cli.main(standalone_mode=False)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else AGREED
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return BAD_REQUEST
    except click.ClickException as error:
        BadRequest(error.format_message()).show()
        return BAD_REQUEST
    except (KeyboardInterrupt, click.Abort):
        print("backproof: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Stopped as stopped:
        print("backproof: terminated", file=sys.stderr)
        return stopped.code
    except Exception:  # not 1, which Python would leave with: that says that something disagrees
        traceback.print_exc()
        print("backproof: a defect of backproof itself, please report the lines above", file=sys.stderr)
        return NOTHING_COMPARED
    return AGREED


if __name__ == "__main__":
    main()
