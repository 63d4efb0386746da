"""A run on frozen features: a probe in place of a trained network, on what the backbone gives for each whole image.

Features are computed once for a backbone, and serve every probe, label fraction and seed. The probe is trained to its
end, so chance enters by a seed's draw alone: which fifth of the training and valid images chooses the probe's setting,
while the others are learnt from. The test images choose nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import METRICS
from mmengine.utils import import_modules_from_strings

from benchmarks import gallery
from benchmarks.labels import probed_images
from benchmarks.profiles import size_of
from benchmarks.record import peak_memory_mb, record_of
from benchmarks.results import CASES
from benchmarks.runs import Run
from lvmmed_backbones.evaluation.classification import Split, knn, linear, taken
from lvmmed_backbones.evaluation.data import TEST, VALID, fewer_labels
from lvmmed_backbones.evaluation.dense import dense
from lvmmed_backbones.evaluation.encoders.named import of_entry
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.overlap import overlap_counts
from lvmmed_backbones.evaluation.replicas import Output
from lvmmed_backbones.records import WholeRecord
from lvmmed_backbones.records.gallery import FOLDER as GALLERY
from lvmmed_backbones.records.gallery import IGNORED
from tasks.metrics import case_name


@dataclass(frozen=True)
class _Tested:
    """A probe on the test images.

    Attributes
    ----------
    results : list
        What the task's metric computes its scores from.
    draw : callable
        As of `gallery.write_chosen`.
    pixels : mapping of str to int
        As of `gallery.write_chosen`.
    """

    results: list[tuple]
    draw: Callable[[str, Path], dict[str, Any]]
    pixels: Mapping[str, int] = field(default_factory=dict)


def probe_and_test(run: Run) -> WholeRecord:
    """Probe the frozen features of a run's backbone, score the test images, write the gallery, and return the record.

    Raises
    ------
    FileNotFoundError, Refused, ValueError
        Naming an image that cannot be read, or that the backbone gives no numbers for.
    """
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    config, seed = run.config, run.spec.seed
    import_modules_from_strings(**config.custom_imports)
    probe, test = _PROBES[size_of(config.task)], config.test_dataloader.dataset
    data = probed_images(config, Path(test.data_root), seed)
    train = fewer_labels(data, run.spec.label_fraction, seed)
    split = Split(train, data.of(VALID), data.of(TEST), seed)
    encoder = of_entry(run.spec.backbone, run.backbone, None, config.probe.image_size, seed)
    if probe is _segment:
        encoder = encoder.for_masks()
    torch.set_num_threads(os.cpu_count() or 1)  # runs that wait for these features use none
    output: Output = "maps" if probe is _segment else "vector"
    features = extract(encoder, data, Path(config.probe.features), output=output)
    torch.set_num_threads(run.identity.threads)
    names = {_case(data.names[place], probe): place for place in split.test}
    extracted = time.monotonic()
    tested = probe(config, features.values, data, split, names)
    metric = METRICS.build(config.test_evaluator)
    metric.dataset_meta = dict(classes=data.classes)
    metrics = metric.compute_metrics(tested.results)
    cost = {
        "train_seconds": round(extracted - began, 2),
        "test_seconds": round(time.monotonic() - extracted, 2),
        "peak_memory_mb": peak_memory_mb(),
    }
    cases = json.loads((run.folder / CASES).read_text())
    gallery.write_chosen(
        config.task, data.classes, cases, tested.pixels, names, tested.draw, run.folder / GALLERY
    )
    images = {"train": len(train), "test": len(split.test)}
    if data.patients:
        images["train_patients"] = len({data.patients[place] for place in train})
    return record_of(
        run,
        parameters=encoder.parameters,
        images=images,
        metrics=metrics,
        cases=cases,
        started=started,
        cost=cost,
    )


def _case(name: str, probe: Callable) -> str:
    """The name of an image in records, which has no extension: masks give theirs without."""
    return name if probe is _segment else case_name(f"images/{name}")


# Each fits a probe, and has it predict the test images, whose places are given by their names.


def _classify(
    config: Config, features: Any, data: Any, split: Split, names: Mapping[str, int]
) -> _Tested:
    fit: Callable[..., list] = {"knn": knn, "linear": linear}[config.task.protocol]
    settings = config.probe.settings
    (answer,) = fit(features, data.labels, len(data.classes), [split], settings)
    print(f"setting {answer.setting:g}: accuracy {answer.valid_accuracy:.4f} of the valid images")
    probabilities = dict(zip(split.test, answer.predict(features[split.test]), strict=True))

    def draw(image: str, stem: Path) -> dict[str, Any]:
        place = names[image]
        return gallery.draw_probabilities(
            str(data.images[place]), int(data.labels[place]), probabilities[place], stem
        )

    results = [
        (name, int(data.labels[place]), probabilities[place]) for name, place in names.items()
    ]
    return _Tested(results, draw)


def _segment(
    config: Config, maps: Any, data: Any, split: Split, names: Mapping[str, int]
) -> _Tested:
    (classifier,) = dense(maps, data, len(data.classes), [split], config.probe.settings)
    print(
        f"penalty {classifier.penalty:g}, adjustment {classifier.adjustment:g}: "
        f"Dice {classifier.valid_dice:.4f} of the valid cases"
    )
    results, pixels = [], {}
    for place, mask, labels in classifier.predict(taken(maps, split.test), split.test, data):
        counts = overlap_counts(labels, mask, len(data.classes), IGNORED)
        results.append((data.cases[place], counts))
        pixels[data.names[place]] = int(((mask != IGNORED) & ((mask > 0) | (labels > 0))).sum())

    def draw(image: str, stem: Path) -> dict[str, Any]:
        place = np.array([names[image]])
        ((_, mask, labels),) = classifier.predict(taken(maps, place), place, data)
        return gallery.draw_label_maps(str(data.images[place[0]]), mask, labels, stem)

    return _Tested(results, draw, pixels if data.kind == "volumes" else {})


_PROBES = {"knn": _classify, "linear": _classify, "dense": _segment}
