"""What authors published of the images of their pretrainings, as audits of the suite's data sets.

lvmmed_overlap.json has what was found by comparing names with the lists of files in LVM-Med's repository
(github.com/duyhominhnguyen/LVM-Med, lvm-med-training-data): 57 cases of BraTS 2018, five patients of each of MMWHS's
modalities, 512 images of ISIC 2018, 292 of BCCD, and all 15,000 of VinDr. These lists name no image of BUID, JSRT,
DRIVE, FGADR, Brain Tumor Classification and the hippocampus of MSD. Names cannot tell of Kvasir and of the prostate:
their lists have other ids. There is no audit of them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from lvmmed_backbones.records.audits import Audit

LVMMED = "LVM-Med"  # the corpus's name in audits and in `Pretraining.corpora`


def published_audits() -> list[Audit]:
    """Return the audits that others' lists of files allow, for `records.audits.leaked_cases`.

    They compared names, and name cases of any split: most are none of a record's test cases.
    """
    return list(_audits())


@cache
def _audits() -> tuple[Audit, ...]:
    text = (files("lvmmed_backbones.data_sets") / "lvmmed_overlap.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[Audit, ...])
