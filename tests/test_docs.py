"""What docs/ shows is what the commands print: every console block is run and compared.

`python tests/test_docs.py` writes into the pages what the commands print now; blocks with `...` are left as they are.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ backproof "
LEFT_OUT = "..."  # a line of its own: any number of lines


def commands(text: str) -> list[tuple[str, str]]:
    """Every command of the console blocks in a page, with the output that is shown below it."""
    found: list[tuple[str, str]] = []
    for block in CONSOLE.findall(text):
        for part in re.split(rf"^(?={re.escape(PROMPT)})", block, flags=re.MULTILINE):
            if part.startswith(PROMPT):
                command, _, output = part.partition("\n")
                found.append((command.removeprefix(PROMPT), output))
    return found


def shown_commands() -> list[object]:
    """The commands of all pages, each a case named by its page and itself."""
    return [
        pytest.param(command, output, id=f"{page.stem}: {command}")
        for page in sorted((ROOT / "docs").glob("*.md"))
        for command, output in commands(page.read_text(encoding="utf-8"))
    ]


def printed(command: str) -> str:
    """What the command prints in the repository's folder, standard error below standard output."""
    arguments = [sys.executable, "-P", "-m", "comparisons.cli", *shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    process = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    return process.stdout + process.stderr


def matches(shown: str, output: str) -> bool:
    """Whether `output` is what is shown, where a line `...` stands for any lines."""
    parts = re.split(rf"^{re.escape(LEFT_OUT)}$\n?", shown.rstrip("\n") + "\n", flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join(map(re.escape, parts))
    return re.fullmatch(pattern, output.rstrip("\n") + "\n") is not None


@pytest.mark.parametrize(("command", "shown"), shown_commands())
def test_a_page_shows_what_the_command_prints(command, shown):
    output = printed(command)
    assert matches(shown, output), f"docs show:\n{shown}\nbackproof {command} prints:\n{output}"


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
    rewrite(page)
    assert commands(page.read_text(encoding="utf-8")) == [("problems", printed("problems"))]


def rewrite(page: Path) -> None:
    """Put what the commands print now into `page`."""

    def printed_block(block: re.Match[str]) -> str:
        found = commands(block[0])
        if not found or any(LEFT_OUT in output.splitlines() for _, output in found):
            return block[0]
        return "```console\n" + "".join(f"{PROMPT}{command}\n{printed(command)}" for command, _ in found) + "```"

    page.write_text(CONSOLE.sub(printed_block, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for path in sorted((ROOT / "docs").glob("*.md")):
        rewrite(path)
