"""Volumes, slice by slice, one box for all structures of a slice; IoU over the voxels of a volume, and mean of slices.

A slice without a structure has no prompt, so nothing is predicted there.
"""

_base_ = 'prompted_images.py'

val_evaluator = dict(case='volume', headline='volume_iou')
test_evaluator = val_evaluator
