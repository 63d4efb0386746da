"""Show foreign text on a terminal or in a table: it cannot move a cursor, hide a line or become a formula."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

MOST = 2000  # characters of a message
FORMULA = tuple("=+-@\t\r＝＋－＠")


def plain(text: object, most: int = MOST) -> str:
    """Return a text on one line of printable characters; others are written as escapes such as \\x1b."""
    line = " ".join(str(text).splitlines())
    if len(line) > most:
        line = f"{line[: most // 2]} ... {line[-most // 2 :]}"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line
    )


def say_error(error: object) -> None:
    """Print an error on stderr, on a line of its own even where a progress bar stands."""
    from tqdm import tqdm  # here, so that records are read without it

    tqdm.write(f"error: {plain(error)}", file=sys.stderr)


def unknown_name(kind: str, name: str, names: Sequence[str]) -> ValueError:
    """Return the error for a name that is none of `names`; it tells those that come close, or all."""
    close = difflib.get_close_matches(name, names)
    hint = f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names)}"
    return ValueError(f"no {kind} {name!r}: {hint}")


def csv_cell(value: object) -> object:
    """Return a value for a CSV file: an apostrophe precedes a text that a spreadsheet would take for a formula.

    OWASP advises this against CSV injection. Numbers stay as they are, also as text.
    """
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
