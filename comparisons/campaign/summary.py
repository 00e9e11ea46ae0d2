"""The summary of a campaign: how often which verdict, and everything that is wrong with the command that shows it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from comparisons.campaign.rows import row_label
from comparisons.verdict import Verdict

SHOWN = 20  # rows that are not as they should be, in the summary; the table has all
UNLESS_KNOWN = str(Verdict.DISAGREES)


def failing(table: pd.DataFrame, *, strict: bool = False) -> pd.DataFrame:
    """The rows that disagree with no known deviation to explain it (with one too where `strict`), or are blind."""
    wrong = table["verdict"].eq(UNLESS_KNOWN)
    if not strict:
        wrong &= table["known_deviation"].isna()
    return table[wrong | table["verdict"].eq(str(Verdict.BLIND))]


def crashed(table: pd.DataFrame) -> pd.DataFrame:
    """The rows whose implementation crashed."""
    return table[table["verdict"].eq(str(Verdict.CRASHED))]


def compared(table: pd.DataFrame) -> bool:
    """Whether anything was compared."""
    return bool(len(table[~table["verdict"].isin([str(Verdict.CRASHED), str(Verdict.SKIPPED)])]))


def markdown(table: pd.DataFrame) -> str:
    """The summary as Markdown: a table by implementation and dtype, then what is wrong, crashed and was skipped."""
    table = table.assign(label=table.apply(row_label, axis=1) if len(table) else "")
    lines = [*_counts(table), "", *_listed("Disagrees or blind", failing(table)), *_listed("Crashed", crashed(table))]
    lines += _skipped(table[table["verdict"].eq(str(Verdict.SKIPPED))])
    return "\n".join(lines).rstrip() + "\n"


def _counts(table: pd.DataFrame) -> Iterator[str]:
    verdicts = [str(verdict) for verdict in Verdict]
    yield f"| implementation | dtype | tasks | {' | '.join(verdicts)} | known | steps | numbers compared | worst |"
    yield "|---|---|" + "--:|" * (len(verdicts) + 5)
    for (name, dtype), rows in table.groupby(["label", "dtype"], sort=True):
        by_verdict = rows["verdict"].value_counts()
        numbers = [len(rows), *(int(by_verdict.get(verdict, 0)) for verdict in verdicts)]
        numbers += [int(rows["known_deviation"].notna().sum()), int(rows["steps"].sum()), int(rows["compared"].sum())]
        agreeing = rows[rows["verdict"].eq(str(Verdict.AGREES))]["worst_ratio"]
        worst = f"{agreeing.max():.2f}" if agreeing.notna().any() else ""
        yield f"| {name} | {dtype} | {' | '.join(f'{number:,}' for number in numbers)} | {worst} |"


def _listed(title: str, rows: pd.DataFrame) -> Iterator[str]:
    if len(rows):
        yield f"{title}: {len(rows)}"
        yield ""
        for _, row in rows.head(SHOWN).iterrows():
            yield f"- {row['label']} on {row['problem']}: {_why(row)}; see `{row['rerun']}`"
        if len(rows) > SHOWN:
            yield f"- and {len(rows) - SHOWN} more"
        yield ""


def _skipped(rows: pd.DataFrame) -> Iterator[str]:
    """How often which reason: what an implementation cannot express, most of one grid cannot."""
    if len(rows):
        yield f"Skipped: {len(rows)}"
        yield ""
        for name, skipped in rows.groupby("label", sort=True):
            for reason, count in skipped["reason"].value_counts().items():
                yield f"- {name}, {count:,}: {reason}"
        yield ""


def _why(row: pd.Series) -> str:
    if pd.notna(row["first_wrong_quantity"]):
        return (
            f"{row['first_wrong_quantity']} at step {row['first_wrong_step']} is {row['first_wrong_actual']!r}, "
            f"expected {row['first_wrong_expected']!r} within {row['first_wrong_bound']:.2g}"
        )
    return str(row["reason"]) if pd.notna(row["reason"]) else str(row["verdict"])
