"""Speed of the metrics: a test run must not wait for them."""

from __future__ import annotations

import numpy as np
import pytest

from lvmmed_backbones.evaluation.overlap import overlap_counts


@pytest.mark.parametrize("classes", [2, 8])
@pytest.mark.parametrize("size", [256, 1024])
def test_overlap_counts(benchmark, size: int, classes: int) -> None:
    prediction, truth = np.random.default_rng(0).integers(
        0, classes, (2, size, size), dtype=np.uint8
    )
    benchmark.group = "overlap of two label maps"
    benchmark(overlap_counts, prediction, truth, classes)
