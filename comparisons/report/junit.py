"""A comparison as JUnit XML, which every CI shows: one suite a problem, one case an implementation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from comparisons.messages import disagreement, divergence_note, not_seen_lines, verdict_line
from comparisons.report.status import status_of
from comparisons.verdict import Comparison, Result, Verdict

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def as_junit(comparisons: Sequence[Comparison]) -> str:
    """The XML text; disagreements and blindness are failures, crashes errors, known deviations skipped."""
    root = ElementTree.Element("testsuites", name="backproof")
    for comparison in comparisons:
        suite = ElementTree.SubElement(root, "testsuite", name=clean(comparison.problem.name))
        for result in comparison.results:
            _case(suite, comparison, result)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
        suite.set("tests", str(len(comparison.results)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, comparison: Comparison, result: Result) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=clean(comparison.problem.name), name=clean(result.label))
    tag, note = _tag(result), divergence_note(result)
    if tag is None:
        if note:
            ElementTree.SubElement(case, "system-out").text = clean(note)
        return
    found = ElementTree.SubElement(case, tag, message=clean(f"{status_of(result).words}: {verdict_line(result)}"))
    lines = [*disagreement(result, None), *filter(None, [note]), *not_seen_lines(result)]
    found.text = clean("\n".join(lines)) or None


def _tag(result: Result) -> str | None:
    if result.verdict is Verdict.AGREES:
        return None
    if result.verdict is Verdict.CRASHED:
        return "error"
    return "skipped" if result.verdict is Verdict.SKIPPED or result.known_deviation else "failure"


def clean(text: str) -> str:
    """`text` without the characters that XML cannot hold."""
    return FORBIDDEN.sub("?", text)
