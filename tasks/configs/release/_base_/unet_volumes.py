"""The same network on the grey slices of volumes, as released for MMWHS.

Trained on the slices with a left atrium (class 2) and as many draws from the others. 3D IoU of the left atrium over all
voxels of a volume at 224 px per slice (trap 3: the mean over all seven structures stands beside it, as iou_all).
"""

_base_ = 'unet_224px.py'

model = dict(classes=8, channels=1)
train_dataloader = dict(sampler=dict(label=2))
val_evaluator = dict(case='volume', label=2)
test_evaluator = val_evaluator

# Three equal channels. The deleted script scored class 1; here both kinds of networks are scored on the left atrium.
vit = {'model.channels': 3}
