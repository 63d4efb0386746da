"""Importing this module registers the tasks' metrics and hooks with mmengine; the configs' custom_imports do."""

from tasks.hooks import LoadBestHook
from tasks.metrics.classification import ClassificationScores
from tasks.metrics.detection import DetectionScores
from tasks.metrics.segmentation import SegmentationScores

__all__ = ["ClassificationScores", "DetectionScores", "LoadBestHook", "SegmentationScores"]
