"""A comparison in a notebook."""

from __future__ import annotations

import html

from comparisons.report.page import as_page
from comparisons.verdict import Comparison


def framed(comparison: Comparison) -> str:
    """The page in a frame, so that neither its styles nor the notebook's reach the other."""
    page = as_page([comparison], [{}], "backproof compare")
    return (
        f'<iframe title="backproof report" srcdoc="{html.escape(page)}" '
        'style="width:100%;height:40rem;border:1px solid gray"></iframe>'
    )
