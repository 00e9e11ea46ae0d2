from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from comparisons.compare import compare, compared, judged_trace, train_here
from comparisons.report.charts import chart
from comparisons.report.drift import drifts
from comparisons.report.explorer import explorer
from comparisons.report.page import as_page, embedded, section
from problems.catalogue import named_problem
from problems.trace import Trace

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def page(comparison):
    return as_page([comparison], [{}], "backproof compare")


def test_page_is_the_same_from_the_same_records(comparison, page):
    assert as_page([comparison], [{}], "backproof compare") == page


def test_page_names_nothing_outside_itself(page):
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) <= {"http://www.w3.org/2000/svg"}


def test_markup_in_names_and_messages_stays_text(page):
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_embedded_json_cannot_end_its_element():
    text = str(embedded({"a": "</script><!--&"}))
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "</script><!--&"}


def test_rows_come_worst_first_and_say_so_in_words(comparison):
    rows = section(comparison, {}, drifts(comparison))["rows"]
    assert [row["words"] for row in rows] == ["disagrees", "crashed", "carries float32", "agrees"]


def test_the_page_says_the_order_of_its_rows(page):
    assert "Rows: by verdict, disagrees first and agrees last, and within one as the command lists them" in page


def test_the_page_says_which_steps_it_tells_of(page):
    assert "<p>Every step's loss, gradients and parameters, held" in html.unescape(page)
    found = compare([named_problem("regression")], ["manual-matrix"], audit_every=4)
    shown = as_page(found, [{}], "backproof compare")
    assert "Every step" not in shown
    option = '(<span class="nowrap">--audit-every</span>)'
    assert f"<p>Loss, gradients and parameters of 6 of 20 steps {option}, held against" in shown
    assert f"6 of 20 steps were audited {option}: each" in shown
    several = as_page(found * 2, [{}, {}], "backproof compare")
    assert f"of every step, or of those that were audited where a problem says so {option}, held" in several


def test_explorer_names_the_first_to_disagree(comparison):
    data = explorer(comparison.problem, comparison.results)
    first = {step["step"]: step["by"]["<script>alert(1)</script>"]["first"] for step in data["steps"]}
    assert set(first) == set(range(1, 21))
    assert {step for step, name in first.items() if name} == set(range(6, 21))
    assert set(first.values()) == {None, "gradient.W1"}


def test_explorer_opens_where_the_worst_is_first_wrong(comparison):
    data = explorer(comparison.problem, comparison.results)
    assert data["open"] == {"step": 6, "element": "W1[0,0]"}


def test_explorer_opens_at_the_start_where_all_agree(comparison):
    data = explorer(comparison.problem, comparison.results[:1])
    assert data["open"] == {"step": 1, "element": "W1[0,0]"}


def test_explorer_has_the_exact_value_within_the_bound(comparison):
    data = explorer(comparison.problem, comparison.results)
    for step in data["steps"]:
        _, expected, exact, bound, _ = step["by"]["manual-matrix"]["W1[0,0]"]["gradient"]
        assert abs(expected - exact) <= bound


def test_page_of_crashes_alone_is_a_page(comparison):
    crashed = compared(comparison.problem, [one for one in comparison.results if one.trace is None])
    assert "RuntimeError" in as_page([crashed], [{}], "")


@pytest.mark.parametrize("problem", ["classification", "batches", "single step"])
def test_page_of_other_problems(problem):
    changes = {"classification": {}, "batches": {"batch_size": 3}, "single step": {"batch_size": 4, "epochs": 1}}
    chosen = named_problem("classification").changed(**changes[problem])
    result = judged_trace(train_here("manual-matrix", chosen).trace, version=None)
    assert "Step explorer" in as_page([compared(chosen, [result])], [{}], "")


def long_trace(steps: int) -> Trace:
    """The first 20 steps over and over, one of them with a loss that is not finite."""
    problem = named_problem("regression")
    trace = train_here("manual-matrix", problem).trace
    again = np.arange(steps) % trace.steps
    loss = trace.loss[again].copy()
    loss[steps // 2] = np.nan
    return Trace(
        problem=problem.changed(epochs=steps // 4),
        implementation="long",
        initial=trace.initial,
        rows=trace.rows[again],
        loss=loss,
        gradients={name: values[again] for name, values in trace.gradients.items()},
        parameters={name: values[again] for name, values in trace.parameters.items()},
    )


@pytest.mark.parametrize(
    ("steps", "most_bytes"), [(10_000, MOST_BYTES // 6), pytest.param(100_000, MOST_BYTES, marks=pytest.mark.long)]
)
def test_page_of_many_steps_stays_small_and_keeps_the_bad_step(steps, most_bytes):
    trace = long_trace(steps)
    result = judged_trace(trace, version=None)
    page = as_page([compared(trace.problem, [result])], [{}], "")
    assert len(page.encode()) < most_bytes
    data = explorer(trace.problem, [result])
    assert result.audit.deviations[0].step in [step["step"] for step in data["steps"]]


def test_report_of_20_steps_stays_cheap(page):
    """Drawing takes most of its time: docs/report.md says how much."""
    assert page.count("<svg") == 7  # two of losses, one of drift, four of parameters
    assert len(page.encode()) < 500_000


def test_logarithmic_axis_is_marked_in_powers_of_ten():
    points = [{"s": 0, "x": x, "y": 3.0 * 10.0**-x} for x in range(1, 18)]
    labels = set(re.findall(r">(\d[\d.e-]*)</text>", chart(points, "drift", x="", log=True))) - {
        str(x) for x in range(18)
    }
    assert {f"{float(label):e}".split("e")[0] for label in labels} == {"1.000000"}
    assert len(labels) > 3


def test_labels_of_an_axis_keep_their_digits():
    points = [{"s": 0, "x": x, "y": x * 0.0051} for x in range(1, 6)]
    labels = re.findall(r">([\d.]+)</text>", chart(points, "loss", x="epoch"))
    assert len(set(labels)) == len(labels) > 6
    assert {"1", "2", "3", "4", "5"} < set(labels)
    assert "1.5" not in labels
