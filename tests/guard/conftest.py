"""The option `--freeze`, which writes anew what the guard expects."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--freeze",
        action="store_true",
        help="write anew what the guard expects, where a figure or a text is to change; the commit says why",
    )
