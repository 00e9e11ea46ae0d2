"""What can be named is listed; what needs a library that is missing says how to install it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from comparisons.cli import cli
from problems import tables
from problems.catalogue import DESCRIPTIONS
from problems.tables import TABLES


def printed(*arguments):
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_every_problem_is_listed_with_its_description():
    lines = printed("problems").output.splitlines()
    described = DESCRIPTIONS | {name: table.description for name, table in TABLES.items()}
    assert [line.split()[0] for line in lines[: len(described)]] == list(described)
    assert all(line.endswith(text) for line, text in zip(lines, described.values(), strict=False))


@pytest.mark.parametrize("there", [True, False])
def test_how_to_get_the_tables_is_told_where_they_are_missing(monkeypatch, there):
    monkeypatch.setattr(tables, "installed", lambda: there)
    output = printed("problems").output
    assert ("pip install 'backproof[sklearn]'" in output) is not there


@pytest.mark.parametrize("command", ["compare", "explain", "sensitivity"])
def test_problem_without_its_table_is_one_line_and_exit_2(monkeypatch, command):
    monkeypatch.setattr(tables, "installed", lambda: False)
    result = printed(command, "iris")
    assert result.exit_code == 2
    assert result.stderr == (
        "backproof: problem 'iris': needs a table of scikit-learn, which is missing; "
        "install with: pip install 'backproof[sklearn]'\n"
    )
