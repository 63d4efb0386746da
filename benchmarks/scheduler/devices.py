"""Which GPU a run gets: one run per visible GPU, each of which sees that one alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"


def slots(jobs: int | None, gpus: Sequence[str], cores: int, threads: int) -> list[str | None]:
    """Return, for each run that goes on at the same time, the GPU that it may see; None: all that there are.

    Parameters
    ----------
    jobs : int or None
        Runs at a time; None: one per GPU, or without GPUs as many as the cores can bear.
    gpus : sequence of str
        GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them.
    cores : int
        Cores of the machine.
    threads : int
        Threads of a run on CPUs.

    Raises
    ------
    ValueError
        If `jobs` is below 1.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"--jobs {jobs}: give the number of runs at a time, 1 or more")
    if gpus:  # more jobs than GPUs share them in turn
        return [gpus[number % len(gpus)] for number in range(jobs or len(gpus))]
    return [None] * (jobs or max(1, cores // threads))


def visible(setting: str | None, count: int) -> list[str]:
    """Return the GPUs that this process may use.

    Parameters
    ----------
    setting : str or None
        CUDA_VISIBLE_DEVICES: numbers or UUIDs, of which CUDA takes those before the first invalid one (-1); None: it is
        not set.
    count : int
        Number of GPUs that torch finds.
    """
    if setting is None:
        return [str(number) for number in range(count)]
    names = [name.strip() for name in setting.split(",")]
    invalid = [index for index, name in enumerate(names) if name in ("", "-1")]
    return names[: min([*invalid, len(names)])][:count]


def visible_here() -> list[str]:
    """Return `visible` for this machine, without starting CUDA: processes can still be forked."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import torch

    return visible(os.environ.get(VISIBLE), torch.cuda.device_count())
