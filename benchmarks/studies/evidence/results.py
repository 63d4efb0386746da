"""The results of the study: a file for each run, small enough to be kept with the code."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from lvmmed_backbones.files.outside import MIB, read_bytes, refusing
from lvmmed_backbones.files.writing import write_bytes

AGAIN = "Remove it, and let `python -m benchmarks.studies.evidence` make it again"


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pretraining and its scores.

    Attributes
    ----------
    method : str
        Of `methods.ALL`.
    setting : int
        Its number among those that the search tries.
    changes : dict of str to int or float
        The setting, by dotted names of the config.
    epochs, steps, seed : int
        Of the pretraining; steps are 0 for an untrained network.
    corpus, sets : str
        Checksums of the corpus and of the judged sets.
    part : {"search", "final"}
        The judged part.
    means : dict of str to float
        The mean score by SET/PROBE; see `ProbeScores`.
    scores : dict of str to list of float
        The score of each case in the order of the sets; of the part "final" alone.
    measures : dict of str to float
        What the curves of the pretraining show, as `study.ends` says it; of the part "final" what `measures.measure`
        says, too.
    """

    method: str
    setting: int
    changes: dict[str, int | float]
    epochs: int
    seed: int
    steps: int
    corpus: str
    sets: str
    part: str
    means: dict[str, float]
    scores: dict[str, list[float]]
    measures: dict[str, float]

    @property
    def by_set(self) -> dict[str, float]:
        """The mean score of each data set, of whose probes each counts alike."""
        found: dict[str, list[float]] = {}
        for name, mean in self.means.items():
            found.setdefault(name.partition("/")[0], []).append(mean)
        return {name: float(np.mean(means)) for name, means in found.items()}

    @property
    def score(self) -> float:
        """The mean score over the data sets."""
        return float(np.mean(list(self.by_set.values())))


def write_result(path: Path, result: Result) -> None:
    """Write a result, whole or not at all, into a folder that is made if it is absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, msgspec.json.encode(result) + b"\n")


def read_results(folder: Path) -> list[Result]:
    """Return the results in a folder, by name.

    Raises
    ------
    Refused
        If a file is none, or the results are of different images.
    """
    found: list[Result] = []
    for file in sorted(folder.glob("*.json")):
        content = read_bytes(file, within=folder, most=MIB)
        with refusing(file, AGAIN):
            result = msgspec.json.decode(content, type=Result)
            first = found[0] if found else result
            if (result.corpus, result.sets) != (first.corpus, first.sets):
                raise ValueError(
                    "is of another corpus or other judged images than the first result"
                )
            found.append(result)
    return found
