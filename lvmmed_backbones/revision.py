"""Find the commit of the code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

THIS = Path(__file__).resolve()
ROOT = THIS.parent.parent
# Untracked files that may change a score; data, results and notes do not.
CODE = ("*.py", "*.cpp", "*.hpp", "*.toml", "tasks/splits")
# In a hook of git these variables name the repository of the hook.
OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


def git_revision() -> str | None:
    """Return the commit of the checkout; '+' behind it means that code differs from it.

    Code differs if a tracked file does, or if git neither tracks nor ignores a file of code.

    Returns
    -------
    str or None
        None outside a checkout, without git, or if git refuses to look into it, as into another user's.
    """
    if not git("ls-files", "--error-unmatch", "--", str(THIS)):
        return None  # installed, perhaps within the checkout of another project
    commit = git("rev-parse", "--verify", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
    untracked = git("ls-files", "-z", "--others", "--exclude-standard", "--", *CODE)
    if commit is None or changed is None or untracked is None:
        return None
    differs = changed or any(map(_is_code, untracked.split(b"\0")[:-1]))
    return commit.decode().strip() + ("+" if differs else "")


def _is_code(path: bytes) -> bool:
    """Whether a file, of a path from `ROOT`, is code: a run writes its config into a folder that is no package."""
    file = ROOT / os.fsdecode(path)
    return file.name != "config.py" or file.with_name("__init__.py").exists()


def git(*words: str) -> bytes | None:
    """Return what git prints about the checkout; None if there is no git, or it refuses."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_HOOKS}
    command = ["git", "--no-optional-locks", "-C", str(ROOT), *words]
    try:
        result = subprocess.run(command, capture_output=True, env=environment)
    except OSError:
        return None
    return None if result.returncode else result.stdout
