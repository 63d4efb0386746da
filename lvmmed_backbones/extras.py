"""Packages that the base installation does without: a missing one is told with the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Around imports of packages that an extra of pyproject.toml brings.

    Args:
        extra: such as openmmlab.

    Raises:
        ModuleNotFoundError: one line that names the package and the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "lvmmed_backbones").startswith("lvmmed_backbones"):
            raise
        raise ModuleNotFoundError(
            f"{error.name} is not installed: pip install 'lvmmed-backbones[{extra}]'",
            name=error.name,
        ) from None
