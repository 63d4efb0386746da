"""Pretraining over two nodes, as docs/ray.md says; here both are this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch

from lvmmed_backbones.weights.reading import read

TINY = {
    "model__backbone__model_name": "scaled_resnet",
    "model__backbone__depth": 18,
    "model__backbone__stem_channels": 8,
    "model__backbone__base_channels": 8,
    "model__neck__in_channels": 64,
    "model__neck__hid_channels": 16,
    "model__neck__out_channels": 8,
    "default_hooks__checkpoint__interval": 1,
}
MOST = 300  # seconds


@pytest.mark.slow
def test_two_nodes_give_what_two_processes_give(pretrain_line, start, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torchrun = ("-m", "torch.distributed.run")
    place = ("--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{port}", "--rdzv-id=1")
    node = (*torchrun, "--nnodes=2", "--nproc-per-node=1", *place)
    both = (*torchrun, "--nproc-per-node=2", f"--master-port={port}")

    def line(folder: str, launch: tuple[str, ...]) -> list[str]:
        config, more = "simclr_resnet18_mini", ("--launcher", "pytorch")
        return pretrain_line(config, tmp_path / folder, *more, launch=launch, **TINY)

    nodes = [start(line("nodes", node)) for _ in range(2)]
    assert [process.wait(MOST) for process in nodes] == [0, 0]
    assert start(line("processes", both)).wait(MOST) == 0
    one, other = (
        read(tmp_path / folder / "iter_3.pth")["state_dict"] for folder in ("nodes", "processes")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
