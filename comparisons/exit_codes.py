"""The exit codes, alike for every command."""

AGREED, DISAGREED, BAD_REQUEST, NOTHING_COMPARED = 0, 1, 2, 3
INTERRUPTED = 130
