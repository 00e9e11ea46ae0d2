"""The command `backproof lesson`."""

from __future__ import annotations

from click.testing import CliRunner

from comparisons.cli import cli


def run(*arguments: str):
    return CliRunner().invoke(cli, ["lesson", *arguments])


def test_lesson_writes_the_page(tmp_path):
    result = run("-o", str(tmp_path / "lesson.html"), "--with", "manual-matrix")
    assert (result.exit_code, result.output) == (
        0,
        f"{tmp_path}/lesson.html: open it in a browser; it needs no network\n",
    )
    assert (tmp_path / "lesson.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_unknown_implementation_is_refused_and_nothing_written(tmp_path):
    result = run("-o", str(tmp_path / "lesson.html"), "--with", "manul-matrix")
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist_is_refused(tmp_path):
    result = run("-o", str(tmp_path / "no" / "lesson.html"), "--with", "manual-matrix")
    assert (result.exit_code, "does not exist" in result.output) == (2, True)
