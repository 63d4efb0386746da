"""What the tags of timm's weights tell, and when they tell nothing."""

from __future__ import annotations

import pytest
import timm

from lvmmed_backbones.data_sets import find
from lvmmed_backbones.evaluation.encoders.timm_tags import IMAGES, pretraining_of_tag


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50.a1_in1k", ["ImageNet-1k"]),
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", ["ImageNet-22k", "ImageNet-1k"]),
        ("convnext_base.fb_in22k", ["ImageNet-22k"]),
        ("vit_base_patch14_dinov2.lvd142m", ["LVD-142M"]),
        ("convnext_tiny.dinov3_lvd1689m", ["LVD-1689M"]),
        ("vit_base_patch16_clip_224.openai", ["WIT-400M"]),
        (
            "vit_base_patch16_clip_224.laion2b_ft_in12k_in1k",
            ["LAION-2B", "ImageNet-22k", "ImageNet-1k"],
        ),
        ("samvit_base_patch16.sa1b", ["SA-1B", "ImageNet-1k"]),
        ("vit_base_patch16_224.mae", ["ImageNet-1k"]),
        ("deit_base_distilled_patch16_224.fb_in1k", None),  # it learnt from another network
        ("cait_s24_224.fb_dist_in1k", None),
        ("beit_base_patch16_224.in22k_ft_in22k_in1k", None),
        ("eva_giant_patch14_224.clip_ft_in1k", None),
        ("resnet50.fb_swsl_ig1b_ft_in1k", None),
        ("tf_efficientnet_b0.ns_jft_in1k", None),
        ("vit_base_patch16_224.ft_in1k", None),  # what was trained further?
        ("resnet50.", None),
        ("resnet50.untrained", None),
    ],
)
def test_tags(name: str, expected: list[str] | None) -> None:
    architecture, _, tag = name.partition(".")
    found = pretraining_of_tag(architecture, tag or None)
    assert (found.data_sets if found else None) == expected


def test_every_data_set_of_the_table_is_listed() -> None:
    assert all(find(name) for names in IMAGES.values() for name in names)


def test_most_of_timms_plain_weights_are_told_and_no_taught_one() -> None:
    names = timm.list_pretrained()
    told = [name for name in names if pretraining_of_tag(*name.split(".", 1))]
    assert len(told) > len(names) / 2
    assert not [name for name in told if "dist" in name or "ssld" in name or "swsl" in name]
