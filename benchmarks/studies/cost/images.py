"""How many images a protocol trains and validates on in an epoch, where all of a data set is there."""

from __future__ import annotations

from typing import NamedTuple

from lvmmed_backbones.records import RELEASE, Recipe


class Images(NamedTuple):
    """Images, or slices of volumes, of the parts of a data set; assumed: whether their number is a guess."""

    train: int
    valid: int
    test: int
    assumed: bool = False


# Published splits, and shares that our preparers carve of the numbers of images that the data sets are known to have.
# Slices of BraTS: 155 a case. Of a prostate: 25 a case, which is a guess; the test has all four sites.
IMAGES = {
    "isic2018": Images(1816, 259, 519),
    "jsrt": Images(98, 25, 124),
    "kvasir": Images(640, 160, 200),
    "drive": Images(16, 4, 20),
    "buid": Images(413, 104, 130),
    "brats2018": Images(199 * 155, 29 * 155, 57 * 155),
    "mmwhs_ct": Images(3664, 654, 987),
    "mmwhs_mri": Images(1935, 412, 551),
    "prostate": Images(18 * 25, 3 * 25, 63 * 25, assumed=True),
    "brain_tumor": Images(2296, 574, 394),
    "fgadr": Images(1500, 341, 341),
    "vindr": Images(3075, 440, 879),
}
OF_RELEASE = {"brain_tumor": Images(2009, 861, 394), "fgadr": Images(1200, 300, 341)}


def images_of(dataset: str, recipe: Recipe) -> Images:
    """Return the numbers of images of a data set by a recipe.

    The release trains volumes on the slices with the scored structure and as many draws from the others: never more
    than twice the former. How many that are is not published, so all slices are counted.
    """
    return OF_RELEASE.get(dataset, IMAGES[dataset]) if recipe == RELEASE else IMAGES[dataset]
