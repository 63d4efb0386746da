"""The suite's prepared layout of a data set: written at once or not at all, and checked.

    meta.json              what it is: classes, licence, citation, counts, fingerprint ...
    images/NAME.png|jpg    8 bit; PNG and JPEG sources byte for byte, everything else as PNG
    masks/NAME.png         class indices (segmentation and volumes)
    splits/SPLIT.txt       a name per line; 'NAME.EXT LABEL' in classification
    splits/SPLIT.json      COCO boxes (detection)

Slices of a volume are named CASE/007, or SITE/CASE/007.
"""

from lvmmed_backbones.layout.check import check
from lvmmed_backbones.layout.writer import Writer, write_data_set

__all__ = ["Writer", "check", "write_data_set"]
