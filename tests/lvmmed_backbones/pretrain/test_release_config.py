"""The config of the authors' later script: its views, its rate, and a step of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import LinearLR
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope
from mmpretrain.structures import DataSample

import lvmmed_backbones.pretrain.registration  # noqa: F401
from lvmmed_backbones.pretrain import CONFIGS


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        yield


@pytest.fixture(scope="module")
def config() -> Config:
    file = CONFIGS / "lvmmed_resnet50_release.py"
    return Config.fromfile(file, import_custom_modules=False)


def test_views_are_grey(config: Config) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 280, 3), np.uint8)
    views = TRANSFORMS.build(config.views).transform(dict(img=image))["inputs"]
    assert [tuple(view.shape) for view in views] == [(3, 224, 224)] * 2
    assert all((view == view[:1]).all() and view.float().std() > 0 for view in views)


def test_the_rate_rises_anew_in_each_epoch_to_a_tenth_of_the_base_rate(config: Config) -> None:
    """The script gives its schedule the step within the epoch: base * step / (10 epochs of warm-up), 800 images."""
    length, base = 50, 5e-4 * 800 / 256
    rate = config.optim_wrapper.optimizer.lr
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=rate)
    options = [dict(part) for part in config.param_scheduler[:3]]
    for part in options:
        del part["type"], part["convert_to_iter_based"]
    parts = [LinearLR.build_iter_from_epoch(optimizer, epoch_length=length, **p) for p in options]
    rates = []
    for _ in range(3 * length):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for part in parts:
            part.step()
    expected = [base * step / (10 * length) for step in range(length)] * 3
    np.testing.assert_allclose(rates, expected, atol=0.03 * rate)
    assert len(config.param_scheduler) == config.train_cfg.max_epochs == 100


def test_a_step_reaches_every_parameter(config: Config) -> None:
    torch.manual_seed(0)
    # At first affinities are in the thousands, where 80 moves no matching of some graphs.
    head = dict(config.model.head, lambda_=1e6)
    model = MODELS.build(dict(config.model, head=head, data_preprocessor=config.data_preprocessor))
    data = dict(
        inputs=[torch.randint(0, 256, (10, 3, 64, 64), dtype=torch.uint8) for _ in range(2)],
        data_samples=[DataSample() for _ in range(10)],
    )
    for sample in data["data_samples"]:
        sample.set_field(torch.rand(2, 5), "views")
    losses = model(**model.data_preprocessor(data, training=True), mode="loss")
    losses["loss"].backward()
    # Dropout and ReLU leave some out; before a block's last normalisation, which begins at 0, nothing learns yet.
    silent = {
        name.split(".")[0]
        for name, p in model.named_parameters()
        if p.grad is None or not p.grad.isfinite().all()
    }
    assert not silent
    for part in (model.neck, model.map_neck, model.head.message_passing):
        assert all(p.grad.abs().sum() > 0 for p in part.parameters() if p.dim() > 1)
