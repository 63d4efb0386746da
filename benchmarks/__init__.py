"""Plan and run a grid of task x backbone x seed; one record per run.

    >>> import benchmarks
    >>> benchmarks.run(tasks=["drive"], backbones=["random_vit_tiny"])

does what `python -m benchmarks run` does. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.commands import plan, run, status

__all__ = ["plan", "run", "status"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from benchmarks import commands

    return getattr(commands, name)
