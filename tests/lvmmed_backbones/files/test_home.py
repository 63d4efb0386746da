"""Where the user's folder lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvmmed_backbones.files.home import user_folder


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"LVMMED_HOME": "/a", "LVMMED_CACHE": "/b", "XDG_CACHE_HOME": "/c"}, "/a"),
        ({"LVMMED_CACHE": "/b", "XDG_CACHE_HOME": "/c"}, "/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/lvmmed_backbones"),
        ({"HOME": "/home/me"}, "/home/me/.cache/lvmmed_backbones"),
    ],
)
def test_the_users_folder(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LVMMED_HOME", "LVMMED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert user_folder() == Path(folder)
