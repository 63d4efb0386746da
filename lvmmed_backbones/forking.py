"""Processes that are forked from one that has imported what they need."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext


def forked_from(module: str) -> ForkServerContext:
    """Return the context of processes that are forked from one that has imported a module.

    mmengine asks whether there is a GPU as it is imported. torch answers by CUDA's runtime, which no process that is
    forked later can use; here it asks NVML (torch's notes on multiprocessing, "Poison fork").

    Parameters
    ----------
    module : str
        By its full name.
    """
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
