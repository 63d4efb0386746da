"""Imports on first use, packages that the base installation does without, and files that users add to ours.

lazy_loader has no place for the extra that brings a missing package, so these lines are our own.
"""

from __future__ import annotations

import importlib
import importlib.util
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


def import_added(package: str, name: str, defines: str | None = None, kind: type = object) -> Any:
    """Import a module of a package to which users add files of their own.

    Parameters
    ----------
    package, name : str
        Such as "benchmarks.profiles" and "open".
    defines : str, optional
        The name of what the module must define; None: nothing.
    kind : type
        Its class.

    Returns
    -------
    module, or an object of `kind`
        What the module defines.

    Raises
    ------
    ValueError
        Naming the file, if it ends with an error, or does not define this.
    ModuleNotFoundError
        As `needing`, from the module.
    """
    module = f"{package}.{name}"
    found = importlib.util.find_spec(module)
    file = found.origin if found else module
    try:
        imported = importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and "pip install" in str(error):
            raise  # by `needing`, which has the remedy
        raise ValueError(
            f"{file}: {type(error).__name__}: {error}. Mend or remove this file"
        ) from error
    if defines is None:
        return imported
    value = getattr(imported, defines, None)
    if not isinstance(value, kind):
        raise ValueError(
            f"{file}: it must define {defines} = {kind.__name__}(...). Mend or remove this file"
        )
    return value


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
