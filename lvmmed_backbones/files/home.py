"""The folder where the suite keeps what belongs to the user, not to a run: LVMMED_HOME."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def user_folder() -> Path:
    """Return the user's folder: fetched weights, added and exported backbones, compiled wheels, known checksums.

    It is `$LVMMED_HOME`; without it `$LVMMED_CACHE`, its former name; without both the system's folder for caches:
    `$XDG_CACHE_HOME/lvmmed_backbones`, which is `~/.cache/lvmmed_backbones` on Linux.
    """
    chosen = os.environ.get("LVMMED_HOME") or os.environ.get("LVMMED_CACHE")
    return Path(chosen) if chosen else user_cache_path("lvmmed_backbones")
