"""Let torch's safe loader (`weights_only=True`) read mmengine's checkpoints, whether mmengine is installed or not."""

from __future__ import annotations

import sys
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

HISTORY = "mmengine.logging.history_buffer.HistoryBuffer"
STATISTICS = ("min", "max", "mean", "current")


class _History:
    """Stands in for mmengine's HistoryBuffer, a curve of a run, where mmengine is not imported.

    Attributes
    ----------
    _log_history, _count_history
        The values, and the number of values that each is the mean of: arrays (N,).
    """

    min = max = mean = current = None  # only mmengine itself uses them


def _history_class() -> type:
    """Return the class that a curve is read as: mmengine's own class once mmengine is imported."""
    module = sys.modules.get(HISTORY.rpartition(".")[0])
    return _History if module is None else module.HistoryBuffer


def allow_mmengine_checkpoints() -> None:
    """Declare the classes of mmengine's message hub as safe: a logging buffer, and the arrays and numbers in it.

    From torch 2.6 on, `torch.load` refuses every class that is not declared, so no saved run could be resumed. None of
    these classes runs code that a file chooses, so reading stays safe.
    """
    history = (_history_class(), HISTORY)
    declared = torch.serialization.get_safe_globals()
    if history in declared:
        return
    reconstruct_array: Any = np.zeros(1).__reduce__()[0]
    reconstruct_scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(name)) for name in ("bool", "int32", "int64", "float32", "float64")}
    # The stand-in and mmengine's class have the same name: only one may be declared.
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(
        [
            *(known for known in declared if known != (_History, HISTORY)),
            history,
            np.ndarray,
            np.dtype,
            reconstruct_array,
            reconstruct_scalar,
            bytes,
            *dtypes,
            (_statistic, "builtins.getattr"),
        ]
    )


def _statistic(owner: type, name: str) -> Any:
    """Stand in for `getattr` in a checkpoint, where mmengine writes getattr(HistoryBuffer, "mean") for a statistic.

    Raises
    ------
    UnpicklingError
        For anything else: the real `getattr` would give a file access to every object.
    """
    if owner is not _history_class() or name not in STATISTICS:
        raise UnpicklingError(
            f"a checkpoint may not ask for {owner!r}.{name}: it was not written by mmengine"
        )
    return getattr(owner, name)
