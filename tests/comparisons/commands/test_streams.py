"""Standard streams that are closed, full or short of letters: one line or silence, and the run's own exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons.commands.streams import LETTERS, Patient, escaped_for

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BACKPROOF = f"'{sys.executable}' -m comparisons.cli"
QUICK = "--epochs 1 --states 5"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`backproof COMMAND` in bash, among the examples."""
    import os

    line = f"set -o pipefail; {BACKPROOF} {command}"
    return subprocess.run(
        ["bash", "-c", line],
        cwd=EXAMPLES,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), **environment},
    )


@FULL
@pytest.mark.parametrize(
    "command", ["--help", "problems", f"check right.py {QUICK}", f"check right.py {QUICK} --json -"]
)
def test_a_full_standard_output_is_one_line(command):
    done = shell(f"{command} >/dev/full")
    assert (done.returncode, done.stderr) == (2, b"backproof: standard output: No space left on device\n")


@FULL
@pytest.mark.parametrize(
    "command",
    [f"check right.py {QUICK} --json /dev/full", "record regression --with manual-matrix -o /dev/full"],
)
def test_a_full_file_is_named_in_one_line(command):
    done = shell(command)
    assert (done.returncode, done.stderr) == (2, b"backproof: /dev/full: No space left on device\n")


@pytest.mark.parametrize(("file", "code"), [("right.py", 0), ("updated_weight.py", 1)])
def test_a_reader_that_leaves_changes_no_exit_code(file, code):
    done = shell(f"check {file} {QUICK} | true")
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.parametrize(("file", "code"), [("right.py", 0), ("updated_weight.py", 1), ("absent.py", 2)])
def test_closed_streams_are_silence(file, code):
    done = shell(f"check {file} {QUICK} >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_closed_standard_output_mixes_with_no_worker():
    done = shell("compare regression --against manual-matrix --epochs 1 --json found.json >&- && rm found.json")
    assert (done.returncode, done.stderr) == (0, b"")


COMMANDS = {
    "check": f"check updated_weight.py {QUICK}",
    "compare": "compare regression --against manual-matrix --epochs 1 --until-converged 1",
    "explain": "explain classification --with manual-matrix",
    "latex": "explain classification --latex",
    "sensitivity": "sensitivity regression --steps 2",
    "sweep": "sweep regression --epochs 2 --learning-rates 0.1",
    "problems": "problems",
    "help": "sweep --help",
}


@pytest.mark.parametrize(
    ("command", "encoding"),
    [*((command, "ascii") for command in COMMANDS.values()), (COMMANDS["check"], "latin-1")],
    ids=[*COMMANDS, "check-in-latin-1"],
)
def test_a_terminal_without_the_letters_gets_others(command, encoding):
    done, full = shell(command, PYTHONIOENCODING=encoding), shell(command, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (full.returncode, full.stderr)
    assert done.stdout.decode(encoding).count("?") == full.stdout.decode("utf-8").count("?")


def test_a_refusal_without_the_letters_is_one_line():
    done = shell("check 'ŷ.py'", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (2, b"backproof: y_hat.py: there is no such file\n")


def test_json_on_a_terminal_without_the_letters_reads_back_to_the_same():
    command = f"check missing_slope.py {QUICK} --json -"
    ran = [json.loads(shell(command, PYTHONIOENCODING=encoding).stdout) for encoding in ("ascii", "utf-8")]
    (short,), (full,) = (one["comparisons"][0]["implementations"] for one in ran)
    assert short["diagnosis"] == full["diagnosis"]


def test_json_escapes_what_an_encoding_lacks():
    text = json.dumps({"ŷ": "σ 𝜎 é"}, ensure_ascii=False)
    assert escaped_for("utf-8", text) == text
    assert escaped_for("latin-1", text).isascii()
    assert json.loads(escaped_for("latin-1", text)) == json.loads(text)


def test_letters_that_stand_for_others_are_ascii():
    assert all(letters.isascii() for letters in LETTERS.values())


def test_a_patient_stream_takes_text_only():
    with pytest.raises(TypeError):
        Patient(None).write(b"bytes")  # type: ignore[arg-type]


REFUSED = {
    'compare --json ""': "--json: '' names no file",
    'compare --report ""': "--report: '' names no folder",
    "compare --report -": "--report: '-' is no folder",
    'record regression --with manual-matrix -o ""': "-o: '' names no file",
    "record regression --with manual-matrix -o -": "-o: '-' is no file",
    "lesson -o -": "-o: '-' is no file",
    "record regression --with manual-matrix -o /absent/trace.npz": "-o: /absent/trace.npz: the folder /absent does not",
    "compare --json .": "--json: . is a folder; name a file",
}


@pytest.mark.parametrize(("command", "message"), REFUSED.items(), ids=REFUSED)
def test_a_name_that_names_nothing_is_refused_in_one_line(command, message):
    done = shell(command)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.decode().startswith(f"backproof: {message}")
    assert not (EXAMPLES / "-").exists()
