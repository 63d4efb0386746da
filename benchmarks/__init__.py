"""Plan and run a study: task x backbone x seed; one record per run.

    >>> import benchmarks
    >>> benchmarks.run(tasks=["drive"], backbones=["random_vit_tiny"])

does what `python -m benchmarks run` does. Modules are imported when they are first used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["check", "job", "plan", "resume", "run", "show", "status", "verify"]


__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "commands"))
