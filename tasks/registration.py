"""Importing this module registers the tasks' metrics and hooks with mmengine; the configs' custom_imports do."""

import warnings

import lvmmed_backbones.openmmlab  # noqa: F401  LoadBestHook reads mmengine's checkpoints by its safe globals
from tasks.hooks import DeterministicHook, EpochSeedHook, LoadBestHook, SelectionHook, seed_worker
from tasks.metrics.classification import ClassificationScores
from tasks.metrics.detection import DetectionScores
from tasks.metrics.segmentation import SegmentationScores

__all__ = [
    "ClassificationScores",
    "DetectionScores",
    "DeterministicHook",
    "EpochSeedHook",
    "LoadBestHook",
    "SegmentationScores",
    "SelectionHook",
    "seed_worker",
]

# What mmsegmentation 1.2 says of any UperNet, its own included; the task configs are as they are meant to be.
for message in (
    "``build_loss`` would be deprecated soon",
    "For binary segmentation, we suggest using",
    "Default ``avg_non_ignore`` is False",
):
    warnings.filterwarnings("ignore", message, UserWarning, r"mmseg\.models\.")
