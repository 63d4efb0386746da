"""Where figures come from: the machine, versions of packages, checksums of settings."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


# Not mmengine's collect_env: it starts a compiler (2 s a run), knows neither the processor nor mmcv's and timm's
# versions, and the runner writes what it says to run.log anyway.
@cache
def machine() -> dict[str, str | int | float | None]:
    """Return what describes this machine; memory in GB."""
    import torch  # here, since checksums do not need it

    return {
        "platform": platform.platform(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }


def processor() -> str:
    """Return the name of the processor, which Linux has in /proc/cpuinfo."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the version of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def checksum(content: object) -> str:
    """Return the SHA-256 of plain data, in hex digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
