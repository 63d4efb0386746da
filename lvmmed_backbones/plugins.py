"""Load plugins, which add to the suite without a change of it: a Python file anywhere, or an installed package.

A plugin is a module that registers what it brings when it is imported:

=================== ==========================================================
a backbone          `lvmmed_backbones.catalogue.register(NAME, Entry(...))`
its own class       `@lvmmed_backbones.register`
a task              `tasks.register(CONFIG)`
a data set          `@tasks.datasets.prepares(Dataset(...))`
its phantom         `@tasks.phantoms.phantom(NAME)`
a profile           `benchmarks.profiles.register(Profile(...))`
a pretraining method `@mmengine.registry.MODELS.register_module()`
=================== ==========================================================

Any command takes a file by `--plugins FILE`, Python by `load`. A package says in its pyproject.toml
`[project.entry-points."lvmmed.plugins"]` and `ANY_NAME = "its.module"`. A plugin is code, and runs with all rights.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

GROUP = "lvmmed.plugins"
_loaded: dict[Path, None] = {}  # the files, in their order


def load(files: Iterable[str | Path]) -> list[ModuleType]:
    """Import Python files as modules of their own names; a file that is imported already is not imported again.

    Their folders are added to the end of `sys.path`, so that other processes of a run import them, too.

    Returns
    -------
    list of ModuleType
        The modules, in the order of the files.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its name is no name of a module, or that of another; or if it ends with an error.
    """
    return [_load(Path(file).resolve()) for file in files]


def loaded() -> list[Path]:
    """Return the files that `load` imported, for other processes."""
    return list(_loaded)


def _load(file: Path) -> ModuleType:
    name = file.stem
    if not file.is_file():
        raise FileNotFoundError(f"--plugins {file}: no such file. Name a Python file")
    if file.suffix != ".py" or not name.isidentifier():
        raise ValueError(
            f"--plugins {file}: its name must be NAME.py, NAME of letters, digits and _"
        )
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin or Path(spec.origin).resolve() != file:
        raise ValueError(
            f"--plugins {file}: there is another module called {name}. Rename the file"
        )
    _loaded[file] = None
    try:
        return importlib.import_module(name)
    except Exception as error:
        del _loaded[file]
        sys.modules.pop(name, None)
        raise ValueError(f"--plugins {file}: {type(error).__name__}: {error}. Mend it") from error


@cache
def load_installed() -> None:
    """Import the plugins of installed packages, once in a process.

    Raises
    ------
    ValueError
        Naming the package, if one ends with an error.
    """
    for entry in sorted(importlib.metadata.entry_points(group=GROUP)):
        try:
            entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else entry.value
            raise ValueError(
                f"the plugin {entry.name} of the installed package {package}: {type(error).__name__}: {error}. "
                "Mend or uninstall it"
            ) from error
