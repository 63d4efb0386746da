"""Evaluate backbones on images by probes of their frozen features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from lvmmed_backbones.evaluation.corruptions import checked_corruptions
from lvmmed_backbones.evaluation.data import DenseImages, LabelledImages, read_data
from lvmmed_backbones.evaluation.duplicates import copied
from lvmmed_backbones.evaluation.encoders import Encoder, Transform, depends_on_seed, encoder_of
from lvmmed_backbones.evaluation.probing import Draw, Extraction, Plan, probed
from lvmmed_backbones.evaluation.protocols import PROBES, probes_for
from lvmmed_backbones.evaluation.replicas import Precision
from lvmmed_backbones.evaluation.result import Evaluation
from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.records import WholeRecord


def evaluate(
    backbones: str | nn.Module | Sequence[str | nn.Module],
    data: str | Path | LabelledImages | DenseImages | Mapping[str, Any] | Sequence[str | Path],
    *,
    transform: Transform | str | None = None,
    probes: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    label_fractions: Sequence[float] = (1.0,),
    size: int | None = None,
    layers: int | Sequence[int] | None = None,
    corruptions: Sequence[str] = (),
    invariance: bool = False,
    device: str | Sequence[str] | None = None,
    precision: Precision = "auto",
    workers: int | None = None,
    batch_size: int = 64,
    cache: str | Path | None = None,
    results: str | Path | None = None,
) -> Evaluation:
    """Score backbones by what simple probes learn from their frozen features: `lvmmed evaluate`.

    Parameters
    ----------
    backbones : str, Module, or a sequence of these
        See `encoder_of`.
    data : str, Path, LabelledImages, DenseImages, mapping of arrays, or a sequence of names
        See `read_data`.
    transform : callable or str, optional
        Of all backbones of the call, those of the catalogue, too; None: each one's own. See `encoder_of`.
    probes : sequence of str, optional
        Names of `PROBES`. For classification "knn", "linear", "sweep", "attentive", "few_shot", "retrieval"; for
        targets "regression"; for masks "dense". The valid images choose their settings; the test images are seen once.
        None: knn and linear, regression, dense.
    seeds : sequence of int
        A seed draws the valid images, where they are not given, which labels a smaller share takes, and the weights of
        a random backbone.
    label_fractions : sequence of float
        Shares of the training labels, in (0, 1].
    size : int, optional
        Side in pixels of the images; None: the backbone's own.
    layers : int or sequence of int, optional
        The last n blocks of a transformer or stages of a convolutional network, or those of these indices; see
        `encoder_of`. None: what the backbone itself gives.
    corruptions : sequence of str
        Corruptions of the test images, such as "gaussian_noise", "xray" (all of a modality) or "xray/pixelate": the
        probes, trained on clean images, are tested on them, too, in five severities. See `checked_corruptions`.
    invariance : bool
        Whether records say how alike the features of a test image and of the same image rotated, flipped and of other
        intensity are. See `robustness.invariance`.
    device : str or sequence of str, optional
        Such as "cuda:1", or several; None: all GPUs, or the CPU.
    precision : {"auto", "float32", "bfloat16"}
        Of the encoder. "auto" is bfloat16 on GPUs that compute with it, float32 elsewhere.
    workers : int, optional
        Processes that load images; see `extract`.
    batch_size : int
        Images that a device has at a time.
    cache : str or Path, optional
        Folder of the features; None: the user's cache.
    results : str or Path, optional
        Folder of results to save the records in; None: they are only returned.

    Returns
    -------
    Evaluation
        `table()` prints it, `save(folder)` writes records that the reports read.

    Raises
    ------
    ValueError, FileNotFoundError, ConnectionError
        As `encoder_of`, `read_data` and `extract`; for an unknown probe, one that is for other data, an unknown
        corruption or a share outside (0, 1].
    """
    names = [backbones] if isinstance(backbones, (str, nn.Module)) else list(backbones)
    sets: list[Any] = list(data) if isinstance(data, (list, tuple)) else [data]
    if not names or not sets:
        raise ValueError("give at least one backbone, and data")
    plan = _checked_plan(probes, label_fractions, corruptions, invariance)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError("give at least one seed, each once")
    folder = Path(cache) if cache else user_folder() / "features"
    extraction = Extraction(folder, batch_size, workers, device, precision)
    records: list[WholeRecord] = []
    notes: list[str] = []
    # All names and data sets are looked at before the first image is encoded: what is wrong is said at once.
    by_seed = [isinstance(name, str) and depends_on_seed(name) for name in names]
    all_drawn = [[read_data(one_set, seed) for seed in seeds] for one_set in sets]
    chosen = [probes_for(drawn[0], plan.probes) for drawn in all_drawn]
    for drawn, own in zip(all_drawn, chosen, strict=True):
        copies = copied(drawn[0], folder)  # the test part is the same for every seed
        notes += _about(drawn[0], int(copies.sum()))
        for number, (name, own_seeds) in enumerate(zip(names, by_seed, strict=True)):
            made = partial(encoder_of, name, transform=transform, size=size, layers=layers)
            addition = _addition(name, names[:number], size, layers)
            for encoder, places in _encoders(made, addition, seeds, own_seeds):
                draws = [Draw(drawn[place], seeds[place]) for place in places]
                found, said = probed(encoder, draws, copies, replace(plan, probes=own), extraction)
                records += found
                if results is not None:  # those of a killed run stay
                    Evaluation(found).save(results)
                notes += [note for note in said if note not in notes]
    return Evaluation(records, notes)


def _checked_plan(
    probes: Sequence[str] | None,
    fractions: Sequence[float],
    corruptions: Sequence[str],
    invariance: bool,
) -> Plan:
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ValueError(f"label fraction {fraction}: give a share in (0, 1]")
    if not fractions or (probes is not None and not probes):
        raise ValueError(f"give at least one label fraction, and one probe of {', '.join(PROBES)}")
    return Plan(probes, list(fractions), checked_corruptions(corruptions), invariance)


def _encoders(
    made: Callable[..., Encoder], addition: str, seeds: Sequence[int], by_seed: bool
) -> list[tuple[Encoder, list[int]]]:
    """The networks of a backbone, each with the places of the seeds that it serves."""
    if by_seed:
        found = [(made(seed=seed), [place]) for place, seed in enumerate(seeds)]
    else:
        found = [(made(), list(range(len(seeds))))]
    return [(replace(encoder, name=encoder.name + addition), places) for encoder, places in found]


def _addition(
    backbone: str | nn.Module,
    before: Sequence[str | nn.Module],
    size: int | None,
    layers: int | Sequence[int] | None,
) -> str:
    """What a backbone's name needs so that reports, which know rows by their names, tell it apart."""
    alike = sum(type(other) is type(backbone) for other in before)
    return "".join(
        [
            f" ({alike + 1})" if alike and isinstance(backbone, nn.Module) else "",
            f", {size} px" if size else "",
            f", layers {layers}" if layers is not None else "",
        ]
    )


def _about(data: LabelledImages | DenseImages, copies: int) -> list[str]:
    """What a reader must know of a data set."""
    notes = list(data.notes)
    if copies:
        notes.append(
            f"{data.name}: {copies} of {len(data.of('test'))} test images are training or valid images, "
            "too: the scores without_copies leave them out."
        )
    if data.patients is None:
        notes.append(f"{data.name}: patients are not known, so each image counts by itself.")
    return notes
