"""Volumes with box prompts as released: the mean over slices of the IoU of all structures together.

The release gives a volume as one batch, and scales its boxes by the number of slices where there are more than 256.
"""

_base_ = 'prompted_images.py'

box = dict(
    type='PromptByBox', scale=(1024, 1024), noise=20, tight_at='low', empty='random', compare_at='low', seed=0,
    slices_as_height=True)
packed = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'box', 'drawn'))
test_pipeline = [dict(type='LoadAnnotations'), box, packed]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(case='volume', headline='slice_iou')
test_evaluator = val_evaluator
