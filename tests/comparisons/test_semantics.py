"""The command `semantics`: its text, its JSON, and what it says of libraries that are not installed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from comparisons.commands.semantics import semantics
from comparisons.semantics import semantics_record, told
from comparisons.semantics_functions import FUNCTIONS
from comparisons.semantics_text import call, semantics_text
from comparisons.semantics_updates import UPDATES

ROWS = (*UPDATES, *FUNCTIONS)


def printed(*arguments: str) -> str:
    ran = CliRunner().invoke(semantics, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.stdout


def test_text_has_every_row_once() -> None:
    text = printed()
    for row in ROWS:
        assert text.count(f"    {row.formula}\n") == sum(row.formula == other.formula for other in ROWS)


def test_concept_alone_is_told_alone() -> None:
    assert printed("nadam").splitlines()[0] == "nadam"
    assert "adagrad" not in printed("nadam")


def test_concepts_stand_together() -> None:
    headings = [line for line in printed().splitlines() if line and not line.startswith(" ")]
    assert headings == list(dict.fromkeys(row.concept for row in ROWS))


def test_unknown_concept_is_refused_in_one_line() -> None:
    ran = CliRunner().invoke(semantics, ["adan"])
    assert ran.exit_code == 2
    assert "concept 'adan' is not in the table; choose from: momentum, nesterov" in ran.output


def test_json_is_the_table_and_nothing_else() -> None:
    document = json.loads(printed("--json", "-"))
    assert document["schema"] == 1
    assert document["semantics"] == json.loads(json.dumps([semantics_record(row) for row in told(ROWS)]))


def test_json_goes_to_a_file(tmp_path) -> None:
    path = tmp_path / "semantics.json"
    assert printed("gelu", "--json", str(path)).startswith("gelu\n")
    assert {row["concept"] for row in json.loads(path.read_text(encoding="utf-8"))["semantics"]} == {"gelu"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.concept}, {row.api}")
def test_what_is_not_installed_is_said_with_its_command(row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert f"{row.library} (not installed: pip install" in semantics_text(told([row]))


def test_one_package_of_two_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None if package == "optax" else object())
    rows = {row.meaning.library: row.version for row in told(ROWS)}
    assert rows["jax"] is None
    assert rows["torch"] is not None


def test_no_row_twice() -> None:
    names = [(row.concept, row.api) for row in ROWS]
    assert len(names) == len(set(names))


def test_settings_read_as_a_problem_file_has_them() -> None:
    import tomllib

    for row in UPDATES:
        if row.optimizer:
            assert tomllib.loads(f"optimizer = {call('', row.optimizer)}") == {"optimizer": dict(row.optimizer)}


def test_no_framework_is_imported() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from comparisons.commands.semantics import semantics\n"
        "assert CliRunner().invoke(semantics).exit_code == 0\n"
        "print([m for m in ('torch', 'keras', 'tensorflow', 'jax', 'optax', 'sklearn') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
