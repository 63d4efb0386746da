"""The verbs of `python -m reports`, a module each, found by convention.

A verb's module has a docstring (its first line is the help, all of it the description),
`add_arguments(parser)` and `run(options)`, which returns the exit code. Every verb is imported for
`--help`, so it imports pandas, scipy and the like within `run`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def verbs() -> dict[str, ModuleType]:
    """The modules of this package that have a `run`, by name."""
    modules = {
        name: importlib.import_module(f"{__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(__path__)
    }
    return {name: module for name, module in modules.items() if hasattr(module, "run")}
