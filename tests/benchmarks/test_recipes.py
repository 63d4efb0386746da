"""Recipes: the suite's protocols and the released ones are two runs, and each says in its config what it needs."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

import benchmarks
from benchmarks import profiles
from benchmarks.__main__ import main
from benchmarks.config import configure, image_size, set_image_size
from benchmarks.grid import RunSpec, combinations
from benchmarks.labels import label_subset
from benchmarks.profiles import Budget, ProbeBudget
from benchmarks.resolve import Resolved, build_released, resolve
from benchmarks.results import status_of
from benchmarks.runs import Identity
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import config_by_name, is_plain_transformer
from lvmmed_backbones.records.identity import checksum
from tasks import registry
from tests.benchmarks.test_results import run
from tests.factories import configured

TASK = "brain_tumor_finetune"
VIT, RESNET = "random_vit_tiny", "random_resnet50"
END_TO_END = [name for name in registry.release_names() if name not in registry.prompt_names()]


def released(
    backbone: str = RESNET, profile: str = "paper", task: str = TASK, **more: Any
) -> Resolved:
    """A release's run of a suite's task whose config has further entries."""
    resolved = resolve(RunSpec(task, backbone, profile, 0))
    config = copy.deepcopy(resolved.task)
    config.task.recipe = "release"
    config.merge_from_dict(more)
    return dataclasses.replace(
        resolved, task=config, spec=dataclasses.replace(resolved.spec, recipe="release")
    )


# Names.


@pytest.mark.parametrize("name", registry.release_names())
def test_a_released_protocol_is_of_a_task_of_the_suite(name: str) -> None:
    """Or of one with another head, which the suite does not have."""
    theirs = registry.get(name, "release").task
    assert theirs.recipe == "release" and theirs.name == name
    ours = registry.get(name.removesuffix("_fcns")).task
    assert "recipe" not in ours
    for fact in ("dataset", "kind", "protocol"):
        assert theirs[fact] == ours[fact]


def test_a_task_that_only_the_release_has_is_named_with_its_recipe() -> None:
    name = "brain_tumor_linear_fcns"
    assert name in registry.release_names() and name not in registry.names()
    (spec,) = combinations([name], ["random_resnet50"], "mini", [0], recipe="release")
    assert (spec.task, spec.recipe) == (name, "release")
    with pytest.raises(ValueError, match=rf"{name} has no recipe 'suite': add --recipe release"):
        combinations([name], ["random_resnet50"], "mini", [0])


@pytest.mark.parametrize(
    ("task", "recipe", "message"),
    [
        ("bccd", "release", f"bccd has no recipe 'release': choose from .*{TASK}.*--recipe suite"),
        (TASK, "paper", "no recipe 'paper': choose from suite, release"),
        ("brain_tumour", "release", "did you mean brain_tumor"),
    ],
)
def test_a_recipe_that_there_is_not_is_refused_in_a_line(
    task: str, recipe: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        combinations([task], ["a"], "mini", [0], recipe=recipe)
    assert "\n" not in str(caught.value)


def test_a_profile_of_open_tasks_has_no_release(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"no task of profile open has a released.*--profile paper"
    ):
        benchmarks.plan(recipe="release", results=tmp_path, work=tmp_path)


def test_a_plugin_may_bring_a_released_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    config = copy.deepcopy(registry.get("bccd"))
    config.task.recipe = "release"
    registry.register(config)
    assert registry.get("bccd", "release") is config is not registry.get("bccd")
    assert "bccd" in registry.release_names() and "bccd" in registry.open_names()
    config.task.recipe = "mine"
    with pytest.raises(ValueError, match=r"task.recipe='mine': choose from suite, release"):
        registry.register(config)


# Identity.


def test_a_suites_run_is_what_it_was_before_recipes() -> None:
    facts = dict(
        task="t", task_version=1, backbone="b", weights_sha256=None, profile="mini", protocol="linear",
        label_fraction=None, split="published", seed=0, data_fingerprint="d", config_sha256="c", threads=1,
    )  # fmt: skip
    suites, theirs = Identity(**facts), Identity(**facts, recipe="release")
    assert suites.facts() == facts and suites.run_id == checksum(facts)[:16]
    assert theirs.facts() == facts | {"recipe": "release"} and theirs.run_id != suites.run_id


def test_status_tells_recipes_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "a")
    run(tmp_path, "b", recipe="release")
    folder = tmp_path / "runs" / "c"
    folder.mkdir()
    named = {"task": "drive", "backbone": "b", "profile": "mini", "recipe": "release"}
    (folder / "identity.json").write_text(json.dumps(named))
    assert {key[1]: dict(states) for key, states in status_of(tmp_path).counts.items()} == {
        "suite": {"done": 1},
        "release": {"done": 1, "interrupted": 1},
    }
    assert main(["status", "--results", str(tmp_path)]) == 0
    assert "(release)" in capsys.readouterr().out


# Composition.


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("sam_vit_b", True),
        ("lvmmed_vit_b", True),
        ("timm:vit_tiny_patch16_224", True),
        ("dinov2_vit_small", True),
        ("clip_vit_base", True),
        ("resnet50", False),
        ("timm:efficientnet_lite0", False),
        ("timm:swin_tiny_patch4_window7_224", False),
        ("timm:convnext_tiny", False),
    ],
)
def test_plain_transformers_have_one_stride(name: str, plain: bool) -> None:
    assert is_plain_transformer(config_by_name(name)) == plain


def test_what_differs_for_a_plain_transformer_stands_in_the_same_config() -> None:
    differs = dict(
        train_cfg=dict(max_epochs=40), fit=dict(backbone=dict(norm_eval=True)), **{"train_dataloader.batch_size": 7}
    )  # fmt: skip
    theirs = {backbone: configure(released(backbone, vit=differs)) for backbone in (VIT, RESNET)}
    assert [c.train_cfg.max_epochs for c in theirs.values()] == [40, 30]
    assert [c.train_dataloader.batch_size for c in theirs.values()] == [7, 64]
    assert [c.model.backbone.get("norm_eval") for c in theirs.values()] == [True, None]
    for config in theirs.values():
        assert not {"vit", "fit", "narrow"} & config.keys()
        assert Config.fromstring(config.pretty_text, ".py").to_dict() == config.to_dict()


@pytest.mark.parametrize("backbone", [VIT, RESNET])
@pytest.mark.parametrize("profile", ["mini", "small", "paper"])
@pytest.mark.parametrize("name", END_TO_END)
def test_every_released_protocol_composes(name: str, profile: str, backbone: str) -> None:
    config = configured(RunSpec(name, backbone, profile, 0, recipe="release"))
    entries = {"vit", "sam", "fit", "narrow"}
    assert config.task.recipe == "release" and not entries & config.keys()


def test_what_differs_for_sam_s_encoder_comes_after_what_differs_for_a_plain_transformer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lvmmed_backbones.catalogue._registered", {})
    other = catalogue.Entry(
        architecture="ViT", source="here", channels=None, vector_channels=192,
        config=dict(type="Backbone", model_name="vit_tiny_patch16_224"),
    )  # fmt: skip
    catalogue.register("vit_of_timm", other)

    def arguments(backbone: str) -> dict[str, Any]:
        vit = {"fit.backbone": dict(norm_eval=True, frozen_stages=1)}
        sam = {"fit.backbone": dict(frozen_stages=2)}
        config = configure(released(backbone, vit=vit, sam=sam))
        assert not {"vit", "sam"} & config.keys()
        return {key: config.model.backbone.get(key) for key in ("norm_eval", "frozen_stages")}

    assert arguments(VIT) == dict(norm_eval=True, frozen_stages=2)
    assert arguments("vit_of_timm") == dict(norm_eval=True, frozen_stages=1)
    assert arguments(RESNET) == dict(norm_eval=None, frozen_stages=None)


def test_each_model_says_where_facts_of_the_backbone_go() -> None:
    entry = catalogue.get(RESNET)
    assert entry.channels == (256, 512, 1024, 2048)
    places = {"model.a.skips": "maps", "model.a.last": "map_32", "model.a.sum": "all_maps",
              "model.a.width": "vector", "model.a.first": "map_4"}  # fmt: skip
    raw = dict(mean=[0, 0, 0], std=[1, 1, 1])
    fit = dict(_delete_=True, backbone=dict(output="maps", frozen_stages=1), places=places)
    config = configure(released(model=dict(a={}, data_preprocessor=raw), fit=fit))
    assert config.model.a == dict(
        skips=[256, 512, 1024, 2048], last=2048, sum=3840, width=2048, first=256
    )
    assert config.model.backbone.frozen_stages == 1 and not config.model.backbone.frozen
    assert config.model.data_preprocessor.mean == [0, 0, 0], "no place asks for the backbone's"
    with pytest.raises(ValueError, match=r"model.a wants 'stem' of ResNet-50, which has all_maps"):
        configure(released(fit=dict(places={"model.a": "stem"})))
    with pytest.raises(ValueError, match=r"fit.places: there is no model.type.x: "):
        configure(released(fit=dict(places={"model.type.x": "maps"})))


# Smaller profiles.


def test_a_smaller_profile_narrows_a_releases_model_as_its_config_says() -> None:
    """The profile's own overrides are for UperNet, and its sizes of drive for the suite's protocol."""
    narrow = {"model.decode_head.channels": 8}
    config = configure(released(profile="mini", task="drive", narrow=narrow))
    assert config.model.decode_head.channels == 8
    assert (
        config.model.auxiliary_head.channels == registry.get("drive").model.auxiliary_head.channels
    )
    assert config.model.test_cfg.mode == "whole" and image_size(config) == 64
    suites = configured(RunSpec("drive", RESNET, "mini", 0))
    assert suites.model.auxiliary_head.channels == 64 and suites.model.test_cfg.mode == "slide"


def test_a_sampler_that_is_part_of_the_protocol_stays() -> None:
    own = dict(_delete_=True, type="SlicesWithAndWithoutLabels")
    config = configure(released(profile="mini", train_dataloader=dict(sampler=own)))
    assert config.train_dataloader.sampler == dict(type="SlicesWithAndWithoutLabels")
    assert configure(released(profile="mini")).train_dataloader.sampler.type == "InfiniteSampler"


def test_the_release_trains_its_linear_tasks_at_every_profile() -> None:
    task = dict(registry.get("brain_tumor_linear").task)
    for name in ("mini", "small", "evidence"):
        profile = profiles.get(name)
        assert isinstance(profile.budget(task), ProbeBudget)
        assert isinstance(profile.budget(task | dict(recipe="release")), Budget)


def test_a_profile_without_a_size_for_prompts_says_so() -> None:
    task = dict(registry.get("drive").task, name="drive_prompt", protocol="prompt")
    assert isinstance(profiles.get("mini").budget(task), Budget)
    assert profiles.get("paper").budget(task) is None
    with pytest.raises(ValueError, match=r"profile small does not say how large drive_prompt"):
        profiles.get("small").budget(task)


def test_a_test_at_another_size_than_training_keeps_its_ratio() -> None:
    """As Faster R-CNN in the release: trained at 512, tested at 1333 x 800."""
    config = copy.deepcopy(registry.get("vindr"))
    config.task.image_size = 512
    test = config.test_dataloader.dataset.pipeline
    next(t for t in test if t.type == "Resize").scale = (1333, 800)
    assert image_size(config) == 512
    set_image_size(config, 96)
    assert image_size(config) == config.task.image_size == 96
    resize = [t for t in test if t.type == "Resize"]
    assert [t.scale for t in resize] == [(1333 * 96 // 512, 150)]
    train = config.train_dataloader.dataset.dataset.pipeline
    assert [t.scale for t in train if t.type == "Resize"] == [(96, 96)]


@pytest.mark.parametrize(
    ("fraction", "count"), [(0.1, 1), (0.25, 2), (0.5, 5), (0.99, 9), (1, None)]
)
def test_the_releases_share_of_labels_is_the_end_of_the_list(
    tmp_path: Path, fraction: float, count: int | None
) -> None:
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("".join(f"{n:02}\n" for n in range(10)))
    config = copy.deepcopy(registry.get("drive"))
    config.task.label_share = "last"
    taken = label_subset(config, tmp_path, fraction, seed=3)
    assert taken == (None if count is None else list(range(10))[-count:])


# Which backbones the released networks take: before anything runs.


@pytest.mark.parametrize("name", ["random_resnet18_half", "random_vit_mini", "dinov3_vit_small"])
def test_a_backbone_that_a_released_network_does_not_take_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    entry = dataclasses.replace(catalogue.get(name), weights=None)
    monkeypatch.setattr("benchmarks.resolve.catalogue.get", lambda *_: entry)
    monkeypatch.setattr("benchmarks.preparation.prepare", lambda *_: pytest.fail("was prepared"))
    arguments = dict(tasks=["kvasir"], backbones=["random_resnet50"], profile="mini")
    with pytest.raises(BaseException) as caught:  # pytest's own is none of ValueError
        benchmarks.check(**arguments, recipe="release", results=tmp_path, work=tmp_path)
    message = str(caught.value)
    if name.startswith("dinov3"):
        wanted = "the blocks of Eva cannot stand alone"
        assert wanted in message and "--recipe suite" in message and "\n" not in message
        assert entry.config["model_name"] in message
    else:
        assert message == "was prepared"


@pytest.mark.parametrize("name", catalogue.names())
def test_the_page_says_which_of_the_catalogue_s_backbones_the_released_networks_do_not_take(
    name: str,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
    (line,) = (
        line for line in page.splitlines() if line.startswith("**Backbones of the released segm")
    )
    resolved = released(task="kvasir")
    release = registry.get("kvasir", "release")
    entry = dataclasses.replace(catalogue.get(name), weights=None)
    config = configure(dataclasses.replace(resolved, task=release, backbone=entry))
    if f"`{name}`" in line:
        with pytest.raises(ValueError, match="cannot stand alone"):
            build_released([config])
    else:
        build_released([config])
