"""What a picture of a case shows over its image: classes, errors, matched boxes; pure functions of arrays."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from reports.reading.gallery import Boxes

# Colours of the classes 1, 2, ... in turn, as in the label maps that a run leaves: those of Okabe and Ito.
CLASSES = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
UNLABELLED = 255
# Codes of an error map; their colours differ in lightness, too.
NO_ERROR, RIGHT, MISSED, FALSE_ALARM, WRONG_CLASS = range(5)
ERRORS = {
    RIGHT: ("right", "#0072B2"),
    MISSED: ("missed", "#F0E442"),
    FALSE_ALARM: ("false alarm", "#CC79A7"),
    WRONG_CLASS: ("wrong class", "#D55E00"),
}
# Outcomes of boxes: the same colours, in the words of detection.
OUTCOMES = {
    RIGHT: ("true positive", ERRORS[RIGHT][1]),
    MISSED: ("missed", ERRORS[MISSED][1]),
    FALSE_ALARM: ("false positive", ERRORS[FALSE_ALARM][1]),
}
OVERLAP = 0.5  # least intersection over union with which a box is found


def class_colour(label: int) -> str:
    """The colour of a class other than the background."""
    return CLASSES[(label - 1) % len(CLASSES)]


def paint(
    image: NDArray[np.uint8], codes: NDArray[np.uint8], colours: dict[int, str], opacity: float
) -> NDArray[np.float64]:
    """An image (H, W, 3) with a colour over the pixels of some codes (H, W), as RGB in [0, 1]."""
    base = image / 255
    for code, colour in colours.items():
        here = codes == code
        base[here] = opacity * np.array(to_rgb(colour)) + (1 - opacity) * base[here]
    return base


def dim(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (H, W, 3) in grey and half as bright, so that what is painted on it stands out."""
    return np.repeat(image.mean(axis=2, keepdims=True) / 2, 3, axis=2).astype(np.uint8)


def error_map(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The error map of two label maps (H, W): a code per pixel, NO_ERROR where there is no label.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"the truth has shape {truth.shape}, the prediction {prediction.shape}.")
    present, claimed = truth > 0, prediction > 0
    codes = np.select(
        [
            present & (truth == prediction),
            present & ~claimed,
            claimed & ~present,
            present & claimed,
        ],
        [RIGHT, MISSED, FALSE_ALARM, WRONG_CLASS],
        NO_ERROR,
    )
    return np.where(truth == UNLABELLED, NO_ERROR, codes).astype(np.uint8)


def match_boxes(boxes: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each true box was found, (T,), and whether each predicted box is right, (P,), as COCO counts.

    Predictions come in the order of their scores, the highest first. Each takes the free true box of its class that it
    overlaps most, if their intersection over union is at least `OVERLAP`.
    """
    found = np.zeros(len(boxes.truth), bool)
    right = np.zeros(len(boxes.prediction), bool)
    shared = box_iou(boxes.prediction, boxes.truth)
    for p in np.argsort(-boxes.scores, kind="stable"):
        free = ~found & (boxes.truth_labels == boxes.prediction_labels[p])
        candidates = np.where(free, shared[p], -1.0)
        if len(candidates) and candidates.max() >= OVERLAP:
            found[candidates.argmax()] = right[p] = True
    return found, right


def box_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes x1, y1, x2, y2: (P, 4) and (T, 4) to (P, T)."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(box[:, 2:] - box[:, :2], 0, None).prod(-1) for box in (a, b)]
    union = areas[0][:, None] + areas[1] - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)
