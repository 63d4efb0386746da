"""BCCD's cells: red, white or platelet, cut out of blood smears by their boxes, in grey; the nearest neighbours.

The nearest neighbours by cosine similarity of the frozen features; the valid images choose their number.
Published: nothing by LVM-Med: an open task.
Run: python -m benchmarks run --tasks bccd_cells_knn --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = 'bccd_cells_linear.py'

task = dict(name='bccd_cells_knn', protocol='knn')
