"""Foreign text on its way to a terminal or a table: it cannot move a cursor, hide a line or become a formula."""

from __future__ import annotations

import sys

MOST = 2000  # characters of a message
FORMULA = tuple("=+-@\t\r＝＋－＠")


def plain(text: object, most: int = MOST) -> str:
    """A text on one line, whose characters are all printable; others are written as escapes such as \\x1b."""
    line = " ".join(str(text).splitlines())
    if len(line) > most:
        line = f"{line[: most // 2]} ... {line[-most // 2 :]}"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line
    )


def say_error(error: object) -> None:
    """An error on stderr, on a line of its own, even if a progress bar stands there."""
    from tqdm import tqdm  # here, so that records are read without it

    tqdm.write(f"error: {plain(error)}", file=sys.stderr)


def csv_cell(value: object) -> object:
    """A value for a CSV file: a text that a spreadsheet would take for a formula gets an apostrophe before it.

    As OWASP advises against CSV injection. Numbers stay as they are, also as text.
    """
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
