"""Prostate MRI of several sites: BMC trains, is valid and tests; RUNMC, BIDMC and HK only test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images.volumes import Volume
from lvmmed_backbones.layout.reading import distinct_values, to_8_bit
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import files_by_name, matching_files, usual_name
from tasks.download.volumes import read_labels, read_volume, write_slices
from tasks.splits import carve

DATASET = Dataset(
    name="prostate",
    title="Multi-site prostate MRI",
    folder="prostate",
    layout="{BMC,RUNMC,BIDMC,HK}/CaseNN.nii.gz and CaseNN_segmentation.nii.gz (any case of letters)",
    kind="segmentation",
    classes=("background", "prostate"),
    modality="MRI, prostate",
    images=84,  # 30 BMC, 30 RUNMC, 12 BIDMC, 12 HK
    unit="cases",
    licence="research use",
    citation="Liu et al., MICCAI 2020 (SAML)",
    page="https://liuquande.github.io/SAML/",
)
SITES = ("BMC", "RUNMC", "BIDMC", "HK")


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write slices named SITE/CASE/000, a label above 0 is prostate.

    60 % of BMC's cases train, 10 % valid, 30 % test; the cases of the other sites only test.
    """
    slices: dict[str, dict[str, list[str]]] = {}
    for site in SITES:
        slices[site] = {}
        paths = matching_files(source / site, "*.nii.gz", f"volumes of {site}")
        volumes = [path for path in paths if "segmentation" not in path.name.lower()]
        masks: dict[str, Path] = {}
        for name, path in files_by_name(source / site, "*.nii.gz").items():
            other = masks.setdefault(name.lower(), path)
            if other != path:
                reason = f"has the name of {other.name}, but for capitals"
                raise Refused(path, reason, "Take one of the two out")
        for path in tqdm(volumes, desc=site, leave=False, disable=None):
            case = usual_name(path.name).removesuffix(".nii.gz")
            name = f"{case}_segmentation.nii.gz"
            mask = masks.get(name.lower(), source / site / name)
            image = read_volume(path, np.float32)
            pixels, gland = to_8_bit(image.values, path), _read_gland(mask, image, path)
            slices[site][case] = write_slices(writer, f"{site}/{case}", pixels, gland, mask)
    tests = {site: sorted(cases) for site, cases in slices.items()}
    for split, cases in carve(list(slices["BMC"]), dict(train=0.6, valid=0.1, test=0.3)).items():
        writer.split(split, [name for case in cases for name in slices["BMC"][case]])
        if split == "test":
            tests["BMC"] = cases
    everything = []
    for site, cases in tests.items():
        lines = [name for case in cases for name in slices[site][case]]
        everything += lines
        if site != "BMC":
            writer.split(f"test_{site.lower()}", lines)
    writer.split("test_all", everything)
    writer.meta["disjoint"] = [
        ["train", "valid", "test", "test_runmc", "test_bidmc", "test_hk"],
        ["train", "valid", "test_all"],
    ]


def _read_gland(path: Path, image: Volume, image_path: Path) -> NDArray[np.uint8]:
    """Return 1 where a volume of labels is above 0: the gland as a whole, or its two zones.

    Raises
    ------
    FileNotFoundError, Refused
        As `read_labels`; Refused, too, for other labels.
    """
    labels = read_labels(path, image, image_path)
    values = distinct_values(labels)
    if values[0] < 0 or len(set(values) - {0}) > 2:
        reason = f"has the labels {values[:6]}: expected 0 and one or two above it"
        raise Refused(path, reason, "Is it the right file?")
    return (labels > 0).astype(np.uint8)
