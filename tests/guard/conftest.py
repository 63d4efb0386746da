"""`--freeze` writes what the guard expects anew."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--freeze",
        action="store_true",
        help="write what the guard expects anew, where a figure or a text is to change; the commit says why",
    )
