"""What the case view says of each box."""

from __future__ import annotations

import numpy as np

from reports.reading.gallery import Boxes
from reports.render.site.cases import shown_boxes


def test_each_box_has_its_outcome() -> None:
    """A true box is found once, by a prediction of its class that overlaps it enough; unsure ones are not shown."""
    boxes = Boxes(
        truth=np.array([[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]], float),
        truth_labels=np.array([0, 1, 0]),
        prediction=np.array(
            [[0, 0, 10, 9], [1, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]], float
        ),
        prediction_labels=np.array([0, 0, 0, 0]),
        scores=np.array([0.9, 0.8, 0.7, 0.1]),
    )
    found = shown_boxes(boxes, ("polyp", "node"))
    assert [(box.text, box.outcome) for box in found["truth"]] == [
        ("polyp", "found"), ("node", "missed"), ("polyp", "missed"),
    ]  # fmt: skip
    assert [(box.text, box.outcome) for box in found["prediction"]] == [
        ("polyp 90", "true positive"), ("polyp 80", "false positive"), ("polyp 70", "false positive"),
    ]  # fmt: skip
    nothing = Boxes(*(np.zeros(shape) for shape in ((0, 4), 0, (0, 4), 0, 0)))
    assert shown_boxes(nothing, ("polyp",)) == {"truth": [], "prediction": []}
