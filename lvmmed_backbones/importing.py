"""Imports on first use, and packages that the base installation does without.

lazy_loader has no place for the extra that brings a missing package, so these lines are our own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Around imports of packages that an extra of pyproject.toml brings.

    Parameters
    ----------
    extra : str
        Such as "openmmlab".

    Raises
    ------
    ModuleNotFoundError
        One line that names the package and the extra.
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


def on_first_use(
    package: str, homes: Mapping[str, str], extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose modules are imported when they are used.

    Parameters
    ----------
    package : str
        Its `__name__`.
    homes : mapping of str to str
        By public name: the module of the package that has it.
    extra : str, optional
        The extra that brings what these modules import: see `needing`.
    """

    def attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with needing(extra) if extra else nullcontext():
            return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return attribute, lambda: sorted(sys.modules[package].__all__)
