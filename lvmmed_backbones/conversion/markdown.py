"""Foreign text in Markdown: none of it becomes markup."""

from __future__ import annotations

import re

from lvmmed_backbones.display import plain

MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&:@])")


def escaped(text: object) -> str:
    """Return foreign text as Markdown that shows it as it is, on one line."""
    return MARKUP.sub(r"\\\1", plain(text))


def fenced(language: str, text: str) -> str:
    """Return a fenced block that no line of the text can end; what is not printable is written as an escape."""
    text = "\n".join(plain(line, len(line)) for line in text.splitlines())
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
