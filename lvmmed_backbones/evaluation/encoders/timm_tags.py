"""What the tag of timm's weights, such as augreg_in21k_ft_in1k, tells of their pretraining."""

from __future__ import annotations

import re

from lvmmed_backbones.records import Pretraining

# The parts of a tag that name images. MAE, DINO and FCMAE stand for ImageNet-1k, SA-1B for SAM, which began with MAE.
IMAGES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("in1k", "mae", "fcmae", "dino"), ("ImageNet-1k",)),
    **dict.fromkeys(("in12k", "in21k", "in22k"), ("ImageNet-22k",)),  # the first is a part of it
    "sa1b": ("SA-1B", "ImageNet-1k"),
    "lvd142m": ("LVD-142M",),
    "lvd1689m": ("LVD-1689M",),
    "openai": ("WIT-400M",),
    "laion400m": ("LAION-400M",),
    "laion2b": ("LAION-2B",),
    **dict.fromkeys(("datacompxl", "datacomp1b"), ("DataComp-1B",)),
    "webli": ("WebLI",),
}
# The parts that name no images: who trained, how long, by which recipe, at which size.
OTHER = re.compile(
    "ft|fb|tv2?|ms|tf|goog|gluon|miil|pycls|orig|cvnets|rvgg|sw|augreg2?|ra[234]?|[abcd][123]?h?|ah|am|bt|aa|"
    r"lamb|lion|agc|rmsp|dinov3|clip|[re]\d+"
)
# Networks that learnt to predict the features, or the codes, of another network, which saw other images.
TAUGHT = ("beit", "eva")


def pretraining_of_tag(architecture: str, tag: str | None) -> Pretraining | None:
    """Return the data sets that a tag names; None if a part of it is not known, or the network had a teacher.

    Parameters
    ----------
    architecture : str
        timm's name of the network, without the tag.
    tag : str or None
        What follows the point in the name of timm's weights.
    """
    parts = (tag or "").split("_")
    names = [name for part in parts for name in IMAGES.get(part, ())]
    strange = [part for part in parts if part not in IMAGES and not OTHER.fullmatch(part)]
    first = parts[: parts.index("ft")] if "ft" in parts else parts  # before it was trained further
    taught = architecture.startswith(TAUGHT) or "dist" in architecture
    if strange or taught or not any(part in IMAGES for part in first):
        return None
    return Pretraining(list(dict.fromkeys(names)))
