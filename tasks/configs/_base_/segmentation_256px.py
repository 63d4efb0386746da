"""2D segmentation at 256 x 256: prepared images and masks, mirrored at random; Dice per image, at its own size.

The released code mirrors nothing, resizes images by nearest neighbours, and scores at the size that the model sees.
"""

_base_ = 'loaders.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')]

dataset = dict(
    type='BaseSegDataset',
    data_prefix=dict(img_path='images', seg_map_path='masks'))
train_dataloader = dict(
    drop_last=True,  # BatchNorm after UperNet's 1 x 1 pooling needs two images
    dataset=dict(ann_file='splits/train.txt', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=8,
    dataset=dict(ann_file='splits/valid.txt', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = dict(
    batch_size=8,
    dataset=dict(ann_file='splits/test.txt', pipeline=test_pipeline, test_mode=True, **dataset))
val_evaluator = dict(type='SegmentationScores', case='image', headline='dice')
test_evaluator = val_evaluator
