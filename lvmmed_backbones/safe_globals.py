"""Let torch's safe loader (`weights_only=True`) read the checkpoints that mmengine writes, with mmengine or without."""

from __future__ import annotations

import sys
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

HISTORY = "mmengine.logging.history_buffer.HistoryBuffer"
STATISTICS = ("min", "max", "mean", "current")


class History:
    """Stands in for mmengine's HistoryBuffer, a curve of a run, where mmengine is not imported.

    Attributes
    ----------
    _log_history, _count_history
        Values, and over how many each is the mean: arrays (N,).
    """

    min = max = mean = current = None  # only mmengine itself asks for them


def history_class() -> type:
    """What a curve is read as: mmengine's own class, once something has imported mmengine."""
    module = sys.modules.get(HISTORY.rpartition(".")[0])
    return History if module is None else module.HistoryBuffer


def allow_mmengine_checkpoints() -> None:
    """Name the classes of mmengine's message hub as safe: a logging buffer, and the arrays and numbers in it.

    From torch 2.6 on, `torch.load` refuses every class that it was not told of, and a run that was saved could not be
    resumed. None of these runs code of a file's choosing, so that the safety stays on.
    """
    history = (history_class(), HISTORY)
    there = torch.serialization.get_safe_globals()
    if history in there:
        return
    reconstruct_array: Any = np.zeros(1).__reduce__()[0]
    reconstruct_scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(name)) for name in ("bool", "int32", "int64", "float32", "float64")}
    # The stand-in and mmengine's class have the same name: only one may be there.
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(
        [
            *(known for known in there if known != (History, HISTORY)),
            history,
            np.ndarray,
            np.dtype,
            reconstruct_array,
            reconstruct_scalar,
            bytes,
            *dtypes,
            (statistic, "builtins.getattr"),
        ]
    )


def statistic(owner: type, name: str) -> Any:
    """What `getattr` may do in a checkpoint, where mmengine writes getattr(HistoryBuffer, "mean") for a statistic.

    Raises
    ------
    UnpicklingError
        For anything else, since the real one would open every object to a file.
    """
    if owner is not history_class() or name not in STATISTICS:
        raise UnpicklingError(
            f"a checkpoint may not ask for {owner!r}.{name}: it was not written by mmengine"
        )
    return getattr(owner, name)
