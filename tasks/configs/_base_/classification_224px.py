"""Classification at 224 x 224, resized without keeping the ratio, without augmentation.

The released code does the same for brain tumours.
"""

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(224, 224)),
    dict(type='PackInputs')]

dataset = dict(type='CustomDataset', data_prefix='images', with_label=True, pipeline=pipeline)
train_dataloader = dict(
    num_workers=4,
    worker_init_fn=dict(type='seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(ann_file='splits/train.txt', **dataset))
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(ann_file='splits/valid.txt', test_mode=True, **dataset))
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(ann_file='splits/test.txt', test_mode=True, **dataset))
val_evaluator = dict(type='ClassificationScores')
test_evaluator = val_evaluator
