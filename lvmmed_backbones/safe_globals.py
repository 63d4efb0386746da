"""Let torch's safe loader (`weights_only=True`) read the checkpoints that mmengine writes."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

STATISTICS = ("min", "max", "mean", "current")


def allow_mmengine_checkpoints() -> None:
    """Name the classes of mmengine's message hub as safe: a logging buffer, and the arrays and numbers in it.

    From torch 2.6 on, `torch.load` refuses every class that it was not told of, and a run that was saved could not be
    resumed. None of these runs code of a file's choosing, so that the safety stays on.
    """
    reconstruct_array: Any = np.zeros(1).__reduce__()[0]
    reconstruct_scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(name)) for name in ("bool", "int32", "int64", "float32", "float64")}
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
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

    Raises:
        UnpicklingError: for anything else, since the real one would open every object to a file.
    """
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise UnpicklingError(
            f"a checkpoint may not ask for {owner!r}.{name}: it was not written by mmengine"
        )
    return getattr(owner, name)
