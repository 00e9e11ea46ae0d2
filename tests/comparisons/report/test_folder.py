from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from comparisons.report.folder import write_report
from comparisons.report.junit import as_junit
from comparisons.report.markdown import MOST, as_markdown
from comparisons.report.sampling import extremes
from comparisons.report.step_table import file_stem


@pytest.fixture(scope="module")
def written(comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return folder, write_report(folder, [comparison], [{}], "backproof compare")


def test_folder_holds_what_was_promised_and_nothing_else(written):
    folder, names = written
    assert {"report.html", "report.md", "report.json", "junit.xml"} < set(names)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_json_is_the_comparison_as_json(written):
    record = json.loads((written[0] / "report.json").read_text(encoding="utf-8"))
    assert [one["verdict"] for one in record["comparisons"][0]["implementations"]][-1] == "crashed"


def test_table_reads_back_to_the_trace(written, comparison):
    folder, names = written
    (name,) = [name for name in names if name.endswith("manual-matrix.csv")]
    table = pd.read_csv(folder / name, dtype=str)
    assert list(table.columns[:4]) == ["step", "epoch", "rows", "loss"]
    found = [float(number) for number in table["gradient.W1[1,0]"]]
    np.testing.assert_array_equal(found, comparison.results[0].trace.gradients["W1"][:, 1, 0])


def test_junit_counts_failures_and_errors(comparison):
    (suite,) = ElementTree.fromstring(as_junit([comparison]))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "1")


def test_junit_holds_no_character_that_xml_forbids(comparison):
    odd = replace(comparison.results[-1], reason="\x1b[31m & \ufffe")
    (((case,),),) = ElementTree.fromstring(as_junit([replace(comparison, results=(odd,))]))
    assert case.get("message") == "crashed: ?[31m & ?"


def test_markdown_fits_a_comment_however_much_there_is(comparison):
    many = as_markdown([comparison] * 60, [{}] * 60)
    assert len(many) <= MOST
    assert many.endswith("report.html has all of it\n")


def test_markdown_escapes_names(comparison):
    text = as_markdown([comparison], [{}])
    assert "<script>" not in text
    assert "❌ disagrees" in text
    assert "💥 crashed" in text
    assert "🟠 carries float32" in text


def test_folder_is_made_where_it_is_missing(tmp_path, comparison):
    write_report(tmp_path / "a" / "b", [comparison], [{}], "backproof compare")
    assert (tmp_path / "a" / "b" / "report.html").is_file()


@pytest.mark.parametrize("name", ["../../x", "<b>", "a/b", "con ", "", "é" * 200])
def test_file_names_are_plain(name):
    stem = file_stem(name)
    assert stem
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert not stem.startswith(".")


def test_long_curves_keep_their_first_steps():
    kept = extremes(np.arange(100_000.0), 80)
    assert set(range(6)) <= set(kept.tolist())
    assert (kept < 100).sum() > 20
    assert np.diff(kept).max() <= 100_000 / 40


def test_extremes_keep_first_last_least_greatest_and_what_is_not_finite():
    values = np.sin(np.arange(100_000.0))
    values[50_001], values[70_000], values[30_000] = np.nan, 9.0, -9.0
    kept = extremes(values)
    assert {0, 99_999, 50_001, 70_000, 30_000} <= set(kept.tolist())
    assert len(kept) < 500
