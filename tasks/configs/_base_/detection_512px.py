"""Detection at 512 px (longer side): prepared COCO files, mirrored at random; COCO mAP, headline at IoU 0.5.

The released code also crops at random in training, and tests at 800 px: so does release/vindr.py.
"""

_base_ = 'loaders.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='PackDetInputs',
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]

dataset = dict(type='CocoDataset', data_prefix=dict(img='images/'))
train_dataloader = dict(
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        ann_file='splits/train.json',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
        **dataset))
val_dataloader = dict(
    batch_size=1,
    dataset=dict(ann_file='splits/valid.json', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = dict(
    batch_size=1,
    dataset=dict(ann_file='splits/test.json', pipeline=test_pipeline, test_mode=True, **dataset))
val_evaluator = dict(type='DetectionScores')
test_evaluator = val_evaluator
