"""`run --ray` where Ray is not installed; what needs Ray is in tests/faults/test_ray.py."""

from __future__ import annotations

import sys

from benchmarks.__main__ import main


def test_ray_is_not_installed(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    assert main(["run", "--ray", "auto", "--profile", "mini", *words]) == 2
    assert capsys.readouterr().err == (
        "error: ray is not installed: pip install 'lvmmed-backbones[ray]'\n"
    )
    assert list(tmp_path.iterdir()) == []
