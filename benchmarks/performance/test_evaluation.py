"""Speed of an evaluation: features beside the encoder alone, the first result, and further questions of its features.

The images are real ones: LVMMED_DATA names the folder that has them. The networks are random where no weights are
needed; the time is the same. `python -m pytest benchmarks/performance/test_evaluation.py -s` prints the shares.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from lvmmed_backbones.evaluation import LabelledImages, Resize, evaluate, read_data
from lvmmed_backbones.evaluation.classification import Split, linear
from lvmmed_backbones.evaluation.data import fewer_labels
from lvmmed_backbones.evaluation.encoders import encoder_of
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.replicas import devices_of, encoded, replicas_of
from lvmmed_backbones.revision import ROOT

DATA = Path(os.environ.get("LVMMED_DATA", "not given"))
CHEST = DATA / "unlabelled" / "chest_xray_28px" / "pneumoniamnist.npz"
BRAIN = DATA / "brain_tumor"
ROUNDS, IMAGES, BATCH = 5, 512, 64
FRACTIONS = (0.01, 0.1, 0.25, 0.5, 1.0)
pytestmark = pytest.mark.skipif(not CHEST.is_file(), reason="LVMMED_DATA names no folder with it")


def some(data: LabelledImages, count: int) -> LabelledImages:
    """The first of the images that are unlike."""
    first = list({key: place for place, key in reversed(list(enumerate(data.keys)))}.values())
    places = sorted(first)[:count]
    return replace(
        data,
        images=[data.images[place] for place in places],
        names=[data.names[place] for place in places],
        labels=data.labels[places],
        parts=data.parts[places],
        patients=None,
    )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# Features


@pytest.mark.parametrize(
    ("source", "side"), [(CHEST, 64), (BRAIN, 128), (BRAIN, 224)], ids=["28", "128", "224"]
)
@pytest.mark.parametrize("network", ["resnet18", "resnet50", "efficientnet_lite0"])
def test_features_beside_the_encoder_alone(
    benchmark, tmp_path: Path, network: str, source: Path, side: int
) -> None:
    """The encoder alone takes batches that are ready in memory; the two run by turns."""
    images = some(read_data(source), IMAGES)
    encoder = encoder_of(timm.create_model(network, num_classes=0), transform=Resize(side))
    ready = torch.stack([encoder.transform(images.pixels(n)) for n in range(len(images))])
    plain = replace(encoder, transform=lambda image: image)
    replicas = replicas_of(plain, devices_of(None), "vector", "float32", ready[:1])
    batches = ready.split(max(1, BATCH // replicas.count(replicas[0])))

    def alone() -> None:
        for _ in encoded(replicas, batches):
            pass

    def everything(folder: Path) -> None:
        assert extract(encoder, images, folder, precision="float32").computed == len(images)

    pairs = [
        (seconds(alone), seconds(lambda n=n: everything(tmp_path / str(n)))) for n in range(ROUNDS)
    ]
    share = statistics.median(own / whole for own, whole in pairs)
    rate = len(images) / statistics.median(whole for _, whole in pairs)
    print(f"\n{network}, {side} px: {rate:.0f} images/s, {share:.2f} of the encoder alone")
    benchmark.extra_info.update(share=share, images_per_second=rate)
    benchmark.group = f"features, {side} px"
    benchmark.pedantic(everything, (tmp_path / "last",), rounds=1)


# Questions


def test_first_result(benchmark, tmp_path: Path) -> None:
    """From `evaluate` to the table, 3,166 chest X-rays and a user's own network: below 60 s."""

    def first() -> None:
        network = timm.create_model("resnet18", num_classes=0)
        evaluate(network, CHEST, transform=Resize(64), cache=tmp_path).table()

    benchmark.group = "chest X-rays"
    benchmark.pedantic(first, rounds=1)


def test_2500_classifiers(benchmark, tmp_path: Path) -> None:
    """50 penalties x 10 seeds x 5 shares of the labels, on features that are there: below 60 s."""
    network = timm.create_model("resnet18", num_classes=0)
    encoder = encoder_of(network, transform=Resize(64))
    drawn = [read_data(CHEST, seed) for seed in range(10)]
    features = extract(encoder, drawn[0], tmp_path)
    splits = [
        Split(fewer_labels(data, fraction, seed), data.of("valid"), data.of("test"))
        for fraction in FRACTIONS
        for seed, data in enumerate(drawn)
    ]
    penalties = np.logspace(-6, 1, 50).tolist()

    def ask() -> None:
        answers = linear(features.values, drawn[0].labels, 2, splits, penalties)
        assert len(answers) == 50

    benchmark.group = "chest X-rays"
    benchmark.pedantic(ask, rounds=1)


@pytest.mark.parametrize(
    "question", [dict(probes=["knn"]), dict(probes=["linear"], label_fractions=[0.1])], ids=str
)
def test_brain_tumour(benchmark, tmp_path: Path, question: dict) -> None:
    """3 seeds x 15 penalties of an ImageNet network at 128 px, then another question: below 5 s."""
    whole = dict(data=BRAIN, size=128, cache=tmp_path, probes=["linear"])
    first = seconds(lambda: evaluate("imagenet_efficientnet_lite0", **whole))
    benchmark.group = "brain tumours, a second question"
    benchmark.extra_info["first_result_seconds"] = first
    benchmark.pedantic(
        lambda: evaluate("imagenet_efficientnet_lite0", **{**whole, **question}), rounds=1
    )


# Beside the mmengine path

TRAINED = """
from dataclasses import replace
from benchmarks import profiles
from benchmarks.profiles import Budget, small

adam = dict(type="Adam", lr=2e-3)
linear = Budget(image_size=128, batch_size=32, iterations=200, optimizer=adam, validations=2, seconds=230)
profiles.register(replace(small.PROFILE, name="trained", budgets={**small.BUDGETS, "linear": linear}))
"""


def test_linear_task_beside_its_former_path(benchmark, tmp_path: Path) -> None:
    """brain_tumor_linear, 3 seeds: a layer trained for 200 steps by mmengine, as `small` did before; then probes."""
    plugin = tmp_path / "trained.py"
    plugin.write_text(TRAINED)

    def run(profile: str) -> None:
        command = [sys.executable, "-m", "benchmarks", "run", "--plugins", plugin]
        command += ["--tasks", "brain_tumor_linear", "--backbones", "imagenet_efficientnet_lite0"]
        command += ["--data", DATA, "--profile", profile]
        command += ["--results", tmp_path / profile, "--work", tmp_path / "work"]
        subprocess.run(list(map(str, command)), cwd=ROOT, check=True)

    trained = seconds(lambda: run("trained"))
    benchmark.extra_info["trained_seconds"] = trained
    benchmark.group = "brain_tumor_linear, 3 seeds"
    benchmark.pedantic(run, ("small",), rounds=1)
