"""What docs/ shows is what the commands print: every console block is run and compared.

`python tests/test_docs.py` writes into the pages what the commands print now; blocks with `...` are left as they are.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from comparisons.implementations import NAMES

ROOT = Path(__file__).parents[1]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ backproof "
LEFT_OUT = "..."  # a line of its own: any number of lines
RATIOS = re.compile(r"[\w-]+(?: +\d\.\d+(?:e-?\d+)?\*?)+ +float\d\d$")  # a row of the table of largest ratios
ROUNDING = re.compile(
    r" \[(?:numpy|torch|keras|jax) [^\]]*\](?=:)|\|found - expected\| = .*"
    r"|, each exactly the reference's own float64$|; the nearest to its bound is .*$"
)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def commands(text: str) -> list[tuple[str, str]]:
    """Every command of the console blocks in a page, with the output that is shown below it."""
    found: list[tuple[str, str]] = []
    for block in CONSOLE.findall(text):
        for part in re.split(rf"^(?={re.escape(PROMPT)})", block, flags=re.MULTILINE):
            if part.startswith(PROMPT):
                command, _, output = part.partition("\n")
                found.append((command.removeprefix(PROMPT), output))
    return found


def pages() -> list[Path]:
    """The README and docs/, those that show a command."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if commands(page.read_text(encoding="utf-8"))]


def printed(command: str, folder: Path) -> str:
    """What the command prints in `folder`, where the examples are, standard error below standard output."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    arguments = [sys.executable, "-P", "-m", "comparisons.cli", *shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    process = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")
    return process.stdout + process.stderr


def matches(shown: str, output: str) -> bool:
    """Whether `output` is what is shown, where a line `...` stands for any lines."""
    parts: list[list[str]] = [[]]
    for line in shown.rstrip("\n").splitlines():
        if line.strip() == LEFT_OUT:
            parts.append([])
        else:
            parts[-1].append(line)
    return in_order(parts, output.rstrip("\n").splitlines())


def in_order(parts: list[list[str]], lines: list[str]) -> bool:
    """Whether `lines` begin with the first part, end with the last, and have the others between, in their order."""
    first, *others = parts
    if not others:
        return alike(first, lines)
    *between, last = others
    at, end = len(first), len(lines) - len(last)
    if end < at or not (alike(first, lines[:at]) and alike(last, lines[end:])):
        return False
    for part in between:
        starts = (start for start in range(at, end - len(part) + 1) if alike(part, lines[start : start + len(part)]))
        found = next(starts, None)
        if found is None:
            return False
        at = found + len(part)
    return True


def alike(shown: list[str], lines: list[str]) -> bool:
    """Whether each line is the one that is shown."""
    return len(shown) == len(lines) and all(map(same_line, shown, lines))


def same_line(shown: str, line: str) -> bool:
    """Whether two lines say the same: every word, and every number that is not left to the machine's rounding.

    Versions are those of the machine. Ratios, distances and who is nearest to a bound depend on the order in which a
    machine's kernels add; so do the last digits of what is computed in float32.
    """
    (words, numbers), (words_there, numbers_there) = words_and_numbers(shown), words_and_numbers(line)
    same = len(numbers) == len(numbers_there) and all(map(close, numbers, numbers_there))
    return same and words == words_there


def words_and_numbers(line: str) -> tuple[str, list[float]]:
    """A line without its numbers, and the numbers; what only rounding decides is neither."""
    if RATIOS.match(line):
        line = f"{line.split()[0]} {line.split()[-1]}"
    line = ROUNDING.sub("", line)
    found = [float(number.replace(",", "")) for number in NUMBER.findall(line)]
    return " ".join(NUMBER.sub("#", line).split()), found


def close(one: float, other: float) -> bool:
    """The same but for what float32 leaves open."""
    return math.isclose(one, other, rel_tol=1e-7, abs_tol=0.0)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page, tmp_path, require_or_skip):
    for command, shown in commands(page.read_text(encoding="utf-8")):
        for name in NAMES:
            if name in shown:
                require_or_skip(name)
        output = printed(command, tmp_path)
        assert matches(shown, output), f"{page.name} shows:\n{shown}\nbackproof {command} prints:\n{output}"


MATCHES = [
    ("a\nb\n", "a\nb\n", True),
    ("a\n...\nd\n", "a\nb\nc\nd\n", True),
    ("a\n...\n", "a\nb\n", True),
    ("...\nb\n", "a\nb\n", True),
    ("a\n...\nb\n", "a\nb\n", True),
    ("a\nb\n", "a\nc\n", False),
    ("a\n", "a\nb\n", False),
    ("a\n...\nd\n", "a\nb\nc\n", False),
    ("a.c\n", "abc\n", False),
    ("a\n...\nb\n...\nc\n", "a\nx\nb\ny\nc\n", True),
    ("a\n...\nb\n...\nc\n", "a\nx\ny\nc\n", False),
    ("a\n...\nb\n", "a\nb\nc\n", False),
    ("a\n...\na\n", "a\n", False),
    ("loss 26.3455779552\n", "loss 26.3455778091\n", True),
    ("loss 26.3455\n", "loss 26.3456\n", False),
    ("W1[0,0] = 1\n", "W1[0,1] = 1\n", False),
    ("torch  0.24  0.30  float64\n", "torch  0.00  0.45  float64\n", True),
    ("torch  0.24  0.30  float64\n", "torch  0.24  0.30  float32\n", False),
    ("agrees [numpy 2.4.6]: all\n", "agrees [numpy 2.0.0]: all\n", True),
    ("20 steps; the nearest to its bound is W1\n", "20 steps, each exactly the reference's own float64\n", True),
]


@pytest.mark.parametrize(("shown", "output", "same"), MATCHES)
def test_dots_on_a_line_of_their_own_stand_for_any_lines(shown, output, same):
    assert matches(shown, output) is same


def test_every_command_of_a_block_is_found_with_its_output():
    page = "text\n```console\n$ backproof a\nx\n\n$ backproof b --c 'd e'\ny\n```\n```sh\n$ backproof no\n```\n"
    assert commands(page) == [("a", "x\n\n"), ("b --c 'd e'", "y\n")]


def test_a_page_is_rewritten_with_what_the_command_prints(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n```console\n$ backproof problems\nold\n```\nb\n", encoding="utf-8")
    rewrite(page, tmp_path)
    assert commands(page.read_text(encoding="utf-8")) == [("problems", printed("problems", tmp_path))]


def rewrite(page: Path, folder: Path) -> None:
    """Put what the commands print now, in `folder`, into `page`."""

    def printed_block(block: re.Match[str]) -> str:
        found = commands(block[0])
        if not found or any(LEFT_OUT in output.splitlines() for _, output in found):
            return block[0]
        return (
            "```console\n" + "".join(f"{PROMPT}{command}\n{printed(command, folder)}" for command, _ in found) + "```"
        )

    page.write_text(CONSOLE.sub(printed_block, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for path in pages():
        with tempfile.TemporaryDirectory() as place:
            rewrite(path, Path(place))
