"""Monitors of a pretraining: spread and effective rank of the features, nearest neighbours, gradients."""

from __future__ import annotations

import math
from collections import deque
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from lvmmed_backbones.evaluation.probes.neighbours import neighbour_votes
from lvmmed_backbones.layout.reading import read_image
from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.pretrain.arguments import Count, Positive, PositiveOrZero, checked

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def effective_rank(features: Tensor) -> float:
    """Return the effective rank of the centred features: exp of the entropy of their normalised singular values.

    Roy & Vetterli, EUSIPCO 2007.

    Parameters
    ----------
    features : Tensor
        (N, C).

    Returns
    -------
    float
        Between 1 and min(N - 1, C); 0 if all features are the same.
    """
    values = torch.linalg.svdvals((features - features.mean(0)).float())
    total = values.sum()
    if total <= 1e-6 * features.norm():
        return 0.0
    shares = values[values > 0] / total
    return float(torch.exp(-(shares * shares.log()).sum()))


def spread(features: Tensor) -> float:
    """Return the distance of the features (N, C) from their mean over their length: 0 (all the same) to 1 (centred)."""
    return float((features - features.mean(0)).norm() / features.norm().clamp_min(1e-12))


@HOOKS.register_module()
class CollapseHook(Hook):
    """Measures the features of a batch, average-pooled from the backbone's last map, and warns if they collapse.

    Parameters
    ----------
    interval : int
        Steps between two measurements.
    least_spread : float
        With less spread the encoder gives all images the same features.
    least_rank : float
        With a lower effective rank the features differ along one line only.
    """

    @checked
    def __init__(
        self,
        interval: Count = 50,
        least_spread: PositiveOrZero = 0.01,
        least_rank: PositiveOrZero = 2.0,
    ) -> None:
        self.interval = interval
        self.least_spread = least_spread
        self.least_rank = least_rank
        self.features: Tensor | None = None

    def before_train(self, runner: Runner) -> None:
        """Register a hook on the backbone that keeps its last map."""
        unwrapped(runner).backbone.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple, outputs: tuple) -> None:
        if module.training:
            self.features = outputs[-1].detach()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Measure the features at the interval."""
        if not self.every_n_train_iters(runner, self.interval) or self.features is None:
            return
        features = self.features.float().mean(dim=(2, 3))
        self.features = None
        rank, width = effective_rank(features), spread(features)
        runner.message_hub.update_scalar("train/effective_rank", rank)
        runner.message_hub.update_scalar("train/spread", width)
        if rank < self.least_rank or width < self.least_spread:
            runner.logger.warning(
                f"COLLAPSE at step {runner.iter + 1}: effective rank {rank:.2f} (least: {self.least_rank:g}), spread "
                f"{width:.4f} (least: {self.least_spread:g}) of {len(features)} images. All images look alike to the "
                "encoder: what it learns from here on is of no use"
            )


@HOOKS.register_module()
class GradientHook(Hook):
    """Warns if the gradient's norm explodes: it is no number, or more than `most` times the median of the last steps.

    Parameters
    ----------
    most : float
        Factor of the median.
    steps : int
        Number of steps of the median; there are no warnings in the first ten. A resumed run begins anew.
    interval : int
        Steps until the next warning.
    """

    LEAST_STEPS = 10

    @checked
    def __init__(self, most: Positive = 1e4, steps: Count = 100, interval: Count = 50) -> None:
        self.most = most
        self.interval = interval
        self.norms: deque[float] = deque(maxlen=steps)
        self.quiet_until = 0

    def before_train(self, runner: Runner) -> None:
        """Check the gradients just before each update, when they are complete and not yet clipped."""
        wrapper, step = runner.optim_wrapper, runner.optim_wrapper.step

        @wraps(step)
        def check_and_step(**arguments: Any) -> None:
            self.check(_gradient_norm(wrapper), runner)
            step(**arguments)

        wrapper.step = check_and_step

    def check(self, norm: float, runner: Runner) -> None:
        """Compare the norm of the step's gradient with the norms before it."""
        usual = median(self.norms) if len(self.norms) >= self.LEAST_STEPS else math.inf
        explodes = not math.isfinite(norm) or 0 < self.most * usual < norm
        step = runner.iter + 1
        if explodes and step >= self.quiet_until:
            self.quiet_until = step + self.interval
            runner.logger.warning(
                f"EXPLODING GRADIENT at step {step}: its norm is {norm:.3g}, the median of the {len(self.norms)} steps "
                f"before it {usual:.3g}. What was learnt may be lost: lower the learning rate, or set "
                "optim_wrapper.clip_grad"
            )
        if math.isfinite(norm):
            self.norms.append(norm)


def _gradient_norm(wrapper: OptimWrapper) -> float:
    """Return the norm of the gradient of all that an optimizer updates, without the factor of mixed precision."""
    gradients = [
        parameter.grad
        for group in wrapper.optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    scaler = getattr(wrapper, "loss_scaler", None)
    return float(get_total_norm(gradients)) / (scaler.get_scale() if scaler else 1.0)


@HOOKS.register_module()
class NeighbourProbeHook(Hook):
    """Logs the accuracy of the k nearest neighbours among labelled images (leave one out).

    Parameters
    ----------
    folder : str
        Folder with a folder of images for each class.
    size : int
        Side in pixels of the scaled images.
    every : int
        Epochs between two probes; the first probe is before training.
    neighbours : int
        Number of neighbours k.
    images : int
        Largest number of images, with the same number of each class, the first by name.

    Raises
    ------
    ValueError
        If the folder does not hold two classes.
    """

    @checked
    def __init__(
        self,
        folder: str,
        size: Count,
        every: Count = 1,
        neighbours: Count = 5,
        images: Count = 600,
    ) -> None:
        self.every = every
        self.neighbours = neighbours
        classes = [child for child in sorted(Path(folder).glob("*/")) if _image_files(child)]
        if len(classes) < 2:
            raise ValueError(
                f"{folder} holds {len(classes)} folders with images: a probe needs one for each class"
            )
        pixels, labels = [], []
        for label, child in enumerate(classes):
            for file in _image_files(child)[: images // len(classes)]:
                pixels.append(read_small(file, size))
                labels.append(label)
        self.images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
        self.labels = torch.tensor(labels)

    def before_train(self, runner: Runner) -> None:
        """Probe the features before training."""
        self.probe(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Probe the features at the interval and after the last epoch."""
        if self.every_n_epochs(runner, self.every) or self.is_last_train_epoch(runner):
            self.probe(runner)

    @torch.no_grad()
    def probe(self, runner: Runner) -> None:
        """Log the accuracy and add it to the curves."""
        if not is_main_process():
            return
        model = unwrapped(runner)
        model.eval()
        features = []
        for images in self.images.split(64):
            batch = model.data_preprocessor(dict(inputs=[images], data_samples=None))
            features.append(model.backbone(batch["inputs"][0])[-1].float().mean(dim=(2, 3)).cpu())
        model.train()
        accuracy = neighbour_accuracy(torch.cat(features), self.labels, self.neighbours)
        runner.logger.info(
            f"{self.neighbours} nearest neighbours of {len(self.labels)} labelled images: accuracy {accuracy:.3f}"
        )
        runner.visualizer.add_scalar("probe/accuracy", accuracy, step=runner.iter)


def neighbour_accuracy(features: Tensor, labels: Tensor, neighbours: int) -> float:
    """Return the share of images that most of their nearest other images by cosine have the label of.

    Ties go to the smaller label.

    Parameters
    ----------
    features : Tensor of shape (N, C)
    labels : Tensor of shape (N,)
    """
    centred, classes = features - features.mean(0), int(labels.max()) + 1
    (votes,) = neighbour_votes(
        centred, labels, centred, classes, [neighbours], temperature=None, leave_one_out=True
    )
    return float((votes.argmax(1) == labels).float().mean())


def _image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, without its subfolders, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)


def read_small(file: Path, size: int) -> np.ndarray:
    """Read an image as (size, size, 3) uint8, blue first. Raise Refused if it is no image, or has no contrast."""
    pixels = read_image(file)
    colours = cv2.COLOR_GRAY2BGR if pixels.ndim == 2 else cv2.COLOR_RGB2BGR
    return cv2.resize(cv2.cvtColor(pixels, colours), (size, size), interpolation=cv2.INTER_AREA)
