"""Files that older versions exported, before the architectures came from timm alone, still give the same outputs.

older_exports.json holds what those versions computed: for each config, of the files' own words, and each output, the
shapes of the parts, of each part mean, standard deviation and five values, and the norm of a gradient.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from lvmmed_backbones.catalogue.exported import KEY, read_entry
from lvmmed_backbones.catalogue.older import translated_config
from lvmmed_backbones.models import Backbone, from_config

CASES = json.loads(Path(__file__).with_name("older_exports.json").read_text())


def drawn(name: str, like: Tensor) -> Tensor:
    """Values that depend on an entry's own name alone."""
    if not like.is_floating_point():
        return torch.zeros_like(like)
    noise = torch.randn(
        like.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode()))
    )
    if name.endswith("running_var"):
        return 1 + 0.1 * noise.abs()
    if "pos" in name:
        return 0.3 * noise
    if like.ndim >= 2:
        return noise / like[0].numel() ** 0.5
    return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise


def summary(part: Tensor) -> list[float]:
    flat = part.detach().double().flatten()
    chosen = flat[torch.linspace(0, len(flat) - 1, 5).long()]
    return [flat.mean().item(), flat.std().item(), *chosen.tolist()]


def exported(case: dict, output: str, folder: Path) -> Path:
    """A file as an older version wrote it, with drawn weights."""
    model = from_config(
        {**translated_config(case["config"]), "output": output, "img_size": case["img_size"]}
    )
    state = model.state_dict()
    tensors = {own: drawn(own, state[name]) for name, own in model.own_names().items()}
    facts = dict(
        schema=2, architecture="x", method="x", config=case["config"], channels=[1, 1, 1, 1],
        vector_channels=1, mean=[0.0] * 3, std=[1.0] * 3,
    )  # fmt: skip
    save_file(tensors, folder / "mine.safetensors", {KEY: json.dumps(facts)})
    return folder / "mine.safetensors"


def read(file: Path, case: dict, output: str) -> Backbone:
    """The backbone of a file, its pyramid, which no file holds, drawn too."""
    model = from_config(read_entry(file).model(output, case["img_size"])).eval()
    model.init_weights()
    state = model.state_dict()
    pyramid = {n: drawn(n, v) for n, v in state.items() if n.startswith("pyramid.")}
    model.load_state_dict(state | pyramid)
    return model


@pytest.mark.parametrize("output", ["maps", "last", "vector"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_an_older_file_gives_the_same_output(case: dict, output: str, tmp_path: Path) -> None:
    if output not in case["outputs"]:
        pytest.skip("plain transformers of timm had no maps")
    expected = case["outputs"][output]
    model = read(exported(case, output, tmp_path), case, output)
    images = torch.randn(2, 3, *case["image"], generator=torch.Generator().manual_seed(0))
    found = model(images)
    assert [list(part.shape) for part in found] == expected["shapes"]
    values = torch.tensor([summary(part) for part in found])
    torch.testing.assert_close(values, torch.tensor(expected["values"]), rtol=1e-5, atol=1e-5)
    sum(part.square().mean() for part in found).backward()
    squares = [p.grad.double().square().sum() for p in model.parameters() if p.grad is not None]
    assert sum(squares).sqrt().item() == pytest.approx(expected["gradient"], rel=1e-5)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (dict(type="BackboneResNet", deep_stem=True), "deep_stem of BackboneResNet"),
        (dict(type="BackboneViTSAM", arch="giant"), "arch='giant'"),
        (dict(type="BackboneViTSAM", use_rel_pos=False), "use_rel_pos of BackboneViTSAM"),
    ],
)
def test_what_has_no_counterpart_is_named(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        translated_config(config)


def test_newer_configs_and_those_of_others_stay_as_they_are() -> None:
    for kind in ("Backbone", "MyNet"):
        config = dict(type=kind, model_name="resnet18", depth=3)
        assert translated_config(config) == config
