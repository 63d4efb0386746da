"""The gallery of a run: what its model made of the best, the median and the worst test case, as small files to look at.

RUN/gallery/gallery.json names all the others. It is made after the test and outside its time and memory, by a handful
of predictions: it has no part in a run's figures nor in its identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
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
from tasks.metrics import case_name

# Okabe and Ito's colours for the classes 1, 2, ... (in turn): told apart by colour-blind readers too.
COLOURS = ("E69F00", "56B4E9", "009E73", "F0E442", "0072B2", "D55E00", "CC79A7")


class ForegroundHook(Hook):
    """Counts, while a model is tested, the foreground of each image: which slice of a volume shows most.

    Attributes
    ----------
    pixels : dict of str to int
        By image, those that the truth or the prediction gives to a class other than 0.
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
    """Before the test: prepare the choice of slices. To be handed to `write`; empty where cases are no volumes."""
    if runner.cfg.task.kind != "volumes":
        return {}
    hook = ForegroundHook()
    runner.register_hook(hook)
    return hook.pixels


def write(
    runner: Runner, cases: Sequence[Mapping[str, Any]], pixels: Mapping[str, int], folder: Path
) -> None:
    """After the test: choose cases, predict them again with the tested model, and write the gallery.

    Parameters
    ----------
    cases : sequence of mapping
        What the metric said of every test case.
    pixels : mapping of str to int
        What `watch` returned.
    folder : Path
        Appears whole, in place of an older gallery.

    Raises
    ------
    ValueError
        If a case is none of the test images.
    OSError
        If an image cannot be read or the folder not be written. As after any error, the run has then no record; started
        again, it goes on from its last checkpoint and needs only the test.
    """
    task, dataset = runner.cfg.task, runner.test_dataloader.dataset
    metric = score_name(task.kind, task.headline)
    chosen = choose(cases, metric)
    if not chosen:
        runner.logger.warning(f"an empty gallery: no test case has a {metric}")
    indices = {case_name(dataset.get_data_info(i)["img_path"]): i for i in range(len(dataset))}
    with replacing_folder(folder) as scratch:
        entries = []
        for role, row in chosen.items():
            image = fullest_slice(row["case"], pixels) if pixels else row["case"]
            if image not in indices:
                raise ValueError(
                    f"{folder}: no test image is called {image!r}. "
                    "Were the prepared images exchanged during the run?"
                )
            shown = SHOW[task.kind](runner, indices[image], scratch, role.replace(" ", "_"))
            entries.append(
                Entry(role=role, case=row["case"], image=image, score=row[metric], **shown)
            )
        index = Gallery(
            schema=SCHEMA,
            kind=task.kind,
            metric=metric,
            classes=list(dataset.metainfo["classes"]),
            entries=entries,
        )
        write_struct(scratch / INDEX, index)


def score_name(kind: str, headline: str) -> str:
    """By which score of a case it is chosen: the headline, or the probability of the true class."""
    return "probability" if kind == "classification" else headline


def choose(cases: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Mapping[str, Any]]:
    """Cases worth a look, each once, by role; cases whose score is undefined (None) have none.

    The roles are best, worst and median (the lower one of an even number). Where a case is right or wrong
    (classification): of those that are right the most and the least sure one, and the wrong one that thought least of
    the truth. Equal scores are ordered by name.
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
    """The slice of a volume with the most foreground; the first of equal ones.

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
    """The tested model's data sample of one test image, as `runner.test` made it."""
    loader = runner.test_dataloader
    (sample,) = runner.model.test_step(loader.collate_fn([loader.dataset[index]]))
    return sample.cpu()


def segmentation(runner: Runner, index: int, folder: Path, stem: str) -> dict[str, Any]:
    """Write the image, the truth and the prediction; what the index says of them."""
    sample = predict(runner, index)
    maps = {"truth": sample.gt_sem_seg.data[0], "prediction": sample.pred_sem_seg.data[0]}
    files = {"image": save_image(sample.img_path, folder / f"{stem}.png")}
    for name, labels in maps.items():
        files[name] = save_labels(labels.numpy().astype(np.uint8), folder / f"{stem}_{name}.png")
    return {"files": files}


def detection(runner: Runner, index: int, folder: Path, stem: str) -> dict[str, Any]:
    """Write the image and its boxes, in pixels of the image as written; what the index says of them."""
    sample = predict(runner, index)
    image = folder / f"{stem}.png"
    files = {"image": save_image(sample.img_path, image), "boxes": f"{stem}_boxes.json"}
    with Image.open(image) as written:
        width, height = written.size
    scale = np.array([width, height, width, height]) / np.array(sample.ori_shape[1::-1] * 2)
    truth = runner.test_dataloader.dataset.get_data_info(index)["instances"]
    found = sample.pred_instances
    write_struct(
        folder / files["boxes"],
        BoxFile(
            truth=[Box(int(box["bbox_label"]), pixels_of(box["bbox"], scale)) for box in truth],
            prediction=[
                PredictedBox(label, pixels_of(box, scale), round(score, 4))
                for label, score, box in zip(
                    found.labels.tolist(),
                    found.scores.tolist(),
                    found.bboxes.tolist(),
                    strict=True,
                )
            ],
        ),
    )
    return {"files": files}


def classification(runner: Runner, index: int, folder: Path, stem: str) -> dict[str, Any]:
    """Write the image; its true class, the predicted one, and the probability of each class, for the index."""
    sample = predict(runner, index)
    probabilities = sample.pred_score.double()
    return {
        "files": {"image": save_image(sample.img_path, folder / f"{stem}.png")},
        "truth": int(sample.gt_label),
        "prediction": int(probabilities.argmax()),
        "probabilities": tuple(round(p, 6) for p in probabilities.tolist()),
    }


SHOW = {
    "segmentation": segmentation,
    "volumes": segmentation,
    "detection": detection,
    "classification": classification,
}


def pixels_of(box: Sequence[float], scale: np.ndarray) -> tuple[float, float, float, float]:
    """A box x1, y1, x2, y2, scaled, to a hundredth of a pixel."""
    x1, y1, x2, y2 = (round(float(x), 2) for x in np.asarray(box) * scale)
    return x1, y1, x2, y2


def save_image(source: str, path: Path) -> str:
    """Write an image as PNG, its longer side at most `SIDE` pixels; the name of the file."""
    image = Image.fromarray(read_image(Path(source)))
    image.resize(small(image.size), Image.Resampling.LANCZOS).save(path)
    return path.name


def save_labels(labels: np.ndarray, path: Path) -> str:
    """Write a label map (H, W) as a PNG whose values are the classes, in colour to the eye; the name of the file.

    Class 0 is transparent, so that the map can be laid over its image; pixels without a label are white.
    """
    image = Image.fromarray(labels)
    image = image.resize(small(image.size), Image.Resampling.NEAREST)
    palette = bytearray(3)
    while len(palette) < 3 * IGNORED:
        palette += bytes.fromhex("".join(COLOURS))
    image.putpalette(palette[: 3 * IGNORED] + b"\xff\xff\xff")
    image.save(path, transparency=0)
    return path.name


def small(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height, both scaled so that neither exceeds `SIDE`."""
    scale = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
