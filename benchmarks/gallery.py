"""The gallery of a run: what its model made of the best, the median and the worst test case, as small files to look at.

RUN/gallery/gallery.json names all the others. The gallery is made after the test, outside its time and memory, from a
handful of predictions: it is no part of a run's figures nor of its identity.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from PIL import Image

from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.layout.reading import read_image
from lvmmed_backbones.records.checked import write_struct
from lvmmed_backbones.records.gallery import (
    IGNORED,
    INDEX,
    SCHEMA,
    SIDE,
    Box,
    BoxFile,
    Entry,
    Gallery,
    PredictedBox,
)
from tasks.contact_sheet import COLOURS
from tasks.metrics import case_name


class _ForegroundHook(Hook):
    """Counts the foreground of each image while a model is tested, to choose the slice of a volume that is shown.

    Attributes
    ----------
    pixels : dict of str to int
        For each image, the pixels to which the truth or the prediction gives a class other than 0.
    """

    def __init__(self) -> None:
        self.pixels: dict[str, int] = {}

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count in every sample of a batch; pixels without a label do not count."""
        for sample in outputs:
            truth, prediction = sample.gt_sem_seg.data, sample.pred_sem_seg.data
            marked = (truth != IGNORED) & ((truth > 0) | (prediction > 0))
            self.pixels[case_name(sample.img_path)] = int(marked.sum())


def watch(runner: Runner) -> Mapping[str, int]:
    """Before the test: have the foreground of each slice counted, and return the counts, for `write`.

    They stay empty where cases are no volumes.
    """
    if runner.cfg.task.kind != "volumes":
        return {}
    hook = _ForegroundHook()
    runner.register_hook(hook)
    return hook.pixels


def write(
    runner: Runner, cases: Sequence[Mapping[str, Any]], pixels: Mapping[str, int], folder: Path
) -> None:
    """After the test: choose cases, predict them again with the tested model, and write the gallery.

    Parameters
    ----------
    runner : Runner
        With the tested model.
    cases, pixels, folder
        As of `write_chosen`.

    Raises
    ------
    ValueError, OSError
        As `write_chosen`. As after any error, the run has no record then; started again, it goes on from its last
        checkpoint and needs only the test.
    """
    task, dataset = runner.cfg.task, runner.test_dataloader.dataset
    indices = {case_name(dataset.get_data_info(i)["img_path"]): i for i in range(len(dataset))}

    def draw(image: str, stem: Path) -> dict[str, Any]:
        return _WRITERS[task.kind](runner, indices[image], stem)

    write_chosen(task, dataset.metainfo["classes"], cases, pixels, indices, draw, folder)


def write_chosen(
    task: Mapping[str, Any],
    classes: Sequence[str],
    cases: Sequence[Mapping[str, Any]],
    pixels: Mapping[str, int],
    images: Container[str],
    draw: Callable[[str, Path], dict[str, Any]],
    folder: Path,
) -> None:
    """Choose cases and write the gallery.

    Parameters
    ----------
    task : mapping
        The entry `task` of the task config.
    classes : sequence of str
        Their names.
    cases : sequence of mapping
        The scores of every test case.
    pixels : mapping of str to int
        Of each slice of a volume the pixels with foreground, as `watch` returns them; empty where cases are images.
    images : container of str
        The names of the test images.
    draw : callable
        Writes the files of a test image, whose names begin with the stem, and returns fields of its entry in the index.
    folder : Path
        Appears whole, in place of an older gallery.

    Raises
    ------
    ValueError
        If a case is none of the test images.
    OSError
        If an image cannot be read or the folder not be written.
    """
    metric = "probability" if task["kind"] == "classification" else task["headline"]
    chosen = choose(cases, metric)
    if not chosen:
        print_log(f"an empty gallery: no test case has a {metric}", "current", logging.WARNING)
    with replacing_folder(folder) as scratch:
        entries = []
        for role, row in chosen.items():
            image = fullest_slice(row["case"], pixels) if pixels else row["case"]
            if image not in images:
                raise ValueError(
                    f"{folder}: no test image is called {image!r}. "
                    "Were the prepared images exchanged during the run?"
                )
            fields = draw(image, scratch / role.replace(" ", "_"))
            entries.append(
                Entry(role=role, case=row["case"], image=image, score=row[metric], **fields)
            )
        index = Gallery(
            schema=SCHEMA,
            kind=task["kind"],
            metric=metric,
            classes=list(classes),
            entries=entries,
        )
        write_struct(scratch / INDEX, index)


def choose(cases: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Mapping[str, Any]]:
    """Return cases worth a look by their role, each case once; cases whose score is undefined (None) have no role.

    The roles are best, worst and median (the lower one of an even number). In classification, where a case is right or
    wrong, they are the most and the least sure of the right cases, and the wrong case that gave the truth the lowest
    probability. Equal scores are ordered by name.
    """
    ordered = sorted(
        (row for row in cases if row[metric] is not None),
        key=lambda row: (row[metric], row["case"]),
    )
    if metric == "probability":
        right = [row for row in ordered if row["accuracy"]]
        wrong = [row for row in ordered if not row["accuracy"]]
        roles = {"most sure": right[-1:], "least sure": right[:-1], "wrong": wrong}
    else:
        inner = ordered[1:-1]
        median = inner[(len(inner) - 1) // 2 :] if inner else []
        roles = {"best": ordered[-1:], "median": median, "worst": ordered[:-1]}
    return {role: rows[0] for role, rows in roles.items() if rows}


def fullest_slice(volume: str, pixels: Mapping[str, int]) -> str:
    """Return the slice of a volume that has the most foreground; the first of equal ones.

    Raises
    ------
    ValueError
        If the volume has no slice.
    """
    slices = [name for name in pixels if name.rpartition("/")[0] == volume]
    if not slices:
        raise ValueError(f"the volume {volume!r} has no slice among those that were tested")
    return min(slices, key=lambda name: (-pixels[name], name))


@torch.no_grad()
def predict(runner: Runner, index: int) -> Any:
    """Return the tested model's data sample of one test image, as `runner.test` made it."""
    loader = runner.test_dataloader
    (sample,) = runner.model.test_step(loader.collate_fn([loader.dataset[index]]))
    return sample.cpu()


# Each writes the files of a test image, and returns fields of its entry in the index.


def _write_segmentation(runner: Runner, index: int, stem: Path) -> dict[str, Any]:
    sample = predict(runner, index)
    truth, prediction = sample.gt_sem_seg.data[0], sample.pred_sem_seg.data[0]
    return draw_label_maps(sample.img_path, truth.numpy(), prediction.numpy(), stem)


def draw_label_maps(
    source: str, truth: np.ndarray, prediction: np.ndarray, stem: Path
) -> dict[str, Any]:
    """Write an image, and its truth and prediction (H, W); return the fields of its entry."""
    files = {"image": _save_image(source, stem.with_suffix(".png"))}
    for name, labels in (("truth", truth), ("prediction", prediction)):
        path = stem.with_name(f"{stem.name}_{name}.png")
        files[name] = save_labels(labels.astype(np.uint8), path)
    return {"files": files}


def _write_detection(runner: Runner, index: int, stem: Path) -> dict[str, Any]:
    """Write the image and its boxes, in pixels of the image as written."""
    sample = predict(runner, index)
    image, boxes = stem.with_suffix(".png"), stem.with_name(f"{stem.name}_boxes.json")
    files = {"image": _save_image(sample.img_path, image), "boxes": boxes.name}
    with Image.open(image) as written:
        width, height = written.size
    scale = np.array([width, height, width, height]) / np.array(sample.ori_shape[1::-1] * 2)
    truth = runner.test_dataloader.dataset.get_data_info(index)["instances"]
    predicted = sample.pred_instances
    rows = zip(predicted.labels, predicted.scores, predicted.bboxes, strict=True)
    write_struct(
        boxes,
        BoxFile(
            truth=[Box(int(box["bbox_label"]), _scaled(box["bbox"], scale)) for box in truth],
            prediction=[
                PredictedBox(int(label), _scaled(box.tolist(), scale), round(float(score), 4))
                for label, score, box in rows
            ],
        ),
    )
    return {"files": files}


def _write_classification(runner: Runner, index: int, stem: Path) -> dict[str, Any]:
    sample = predict(runner, index)
    return draw_probabilities(
        sample.img_path, int(sample.gt_label), sample.pred_score.double().numpy(), stem
    )


def draw_probabilities(
    source: str, truth: int, probabilities: np.ndarray, stem: Path
) -> dict[str, Any]:
    """Write an image; the fields are its true class, the predicted one, and the probability of each class (C,)."""
    return {
        "files": {"image": _save_image(source, stem.with_suffix(".png"))},
        "truth": truth,
        "prediction": int(probabilities.argmax()),
        "probabilities": tuple(round(p, 6) for p in probabilities.tolist()),
    }


_WRITERS = {
    "segmentation": _write_segmentation,
    "volumes": _write_segmentation,
    "detection": _write_detection,
    "classification": _write_classification,
}


def _scaled(box: Sequence[float], scale: np.ndarray) -> tuple[float, float, float, float]:
    """Return a box (x1, y1, x2, y2), scaled, to a hundredth of a pixel."""
    x1, y1, x2, y2 = (round(float(x), 2) for x in np.asarray(box) * scale)
    return x1, y1, x2, y2


def _save_image(source: str, path: Path) -> str:
    """Write an image as PNG, its longer side at most `SIDE` pixels; return the name of the file."""
    image = Image.fromarray(read_image(Path(source)))
    image.resize(small(image.size), Image.Resampling.LANCZOS).save(path)
    return path.name


def save_labels(labels: np.ndarray, path: Path) -> str:
    """Write a label map (H, W) as a PNG whose values are the classes, with a palette; return the name of the file.

    Class 0 is transparent, so that the map can be laid over its image; pixels without a label are white.
    """
    image = Image.fromarray(labels)
    image = image.resize(small(image.size), Image.Resampling.NEAREST)
    palette = bytearray(3)
    while len(palette) < 3 * IGNORED:
        palette += bytes.fromhex("".join(COLOURS).replace("#", ""))
    image.putpalette(palette[: 3 * IGNORED] + b"\xff\xff\xff")
    image.save(path, transparency=0)
    return path.name


def small(size: tuple[int, int]) -> tuple[int, int]:
    """Return width and height, both scaled so that neither exceeds `SIDE`."""
    scale = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
