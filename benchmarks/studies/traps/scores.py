"""What a trap gives: the score of a seed as released, and with the sound choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pair(NamedTuple):
    """The two scores of one seed, in percent.

    Attributes
    ----------
    case : str
        What was scored, and on which images.
    metric : str
        Of reports/published, whose gaps it is compared with; empty: of none.
    seed : int or None
        None: nothing is drawn, the figure is exact.
    released, sound : float
        The score as released, and with the sound choice.
    """

    case: str
    metric: str
    seed: int | None
    released: float
    sound: float


def percent(values: Sequence[float] | NDArray) -> float:
    """Return the mean of scores in 0..1, in percent."""
    return 100 * float(np.mean(values))
