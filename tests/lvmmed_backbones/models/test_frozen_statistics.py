"""A frozen network in training mode, as LVM-Med's classifier was released, against torchvision's ResNet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torchvision
from torch import nn

from lvmmed_backbones.models import Backbone


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def frozen_by_hand(ours: Backbone) -> nn.Module:
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    network.load_state_dict(ours.network.state_dict())
    return network.requires_grad_(False)


@pytest.mark.parametrize("output", ["vector", "maps", "last"])
def test_statistics_drift_as_in_torchvision_s_frozen_network(output: str) -> None:
    torch.manual_seed(0)
    ours = Backbone("resnet18", output, img_size=32, frozen=True, frozen_statistics=False).train()
    theirs = frozen_by_hand(ours).train()
    for _ in range(4):
        images = 3 * torch.randn(6, 3, 32, 32) + 1
        (vector,) = ours(images)[-1:]
        if output != "vector":
            vector = vector.mean((2, 3))
        torch.testing.assert_close(vector, theirs(images))
        assert not vector.requires_grad
    for module in (ours, theirs):
        module.eval()
    state = {own: ours.state_dict()[name] for name, own in ours.own_names().items()}
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(state[name], value)
    before = {name: value.clone() for name, value in state.items()}
    images = torch.randn(5, 3, 32, 32)
    tested = ours(images)[-1]
    torch.testing.assert_close(
        tested.flatten(2).mean(2) if tested.ndim == 4 else tested, theirs(images)
    )
    after = {own: ours.state_dict()[name] for name, own in ours.own_names().items()}
    assert all(torch.equal(after[name], before[name]) for name in before), "testing changes nothing"


def test_by_default_the_statistics_of_a_frozen_network_stay() -> None:
    ours = Backbone("resnet18", "vector", img_size=32, frozen=True).train()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    ours(torch.randn(6, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())
    assert not any(module.training for module in ours.modules())


def test_norm_eval_keeps_them_all_the_same() -> None:
    ours = Backbone(
        "resnet18", "vector", img_size=32, frozen=True, frozen_statistics=False, norm_eval=True
    ).train()
    assert not any(m.training for m in ours.modules() if isinstance(m, nn.BatchNorm2d))


def test_a_network_that_is_trained_has_no_such_choice() -> None:
    with pytest.raises(ValueError, match=r"resnet18: frozen_statistics=False is for a frozen net"):
        Backbone("resnet18", "vector", img_size=32, frozen_statistics=False)
