"""What --help says can be typed as it stands there."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from comparisons.cli import COMMANDS, cli


@pytest.mark.parametrize("command", [None, *(command.name for command in COMMANDS)])
def test_no_name_is_broken_between_two_lines(command):
    asked = [*filter(None, [command]), "--help"]
    for width in range(50, 110):
        text = CliRunner().invoke(cli, asked, terminal_width=width).output
        assert "Options:" in text
        assert not [line for line in text.splitlines() if re.search(r"[\w-]-$", line)]
        assert "\N{NON-BREAKING HYPHEN}" not in text
