"""Classification at 224 x 224, resized without keeping the ratio, without augmentation.

The released code does the same for brain tumours, but resizes by PIL, antialiased.
"""

_base_ = 'loaders.py'

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(224, 224)),
    dict(type='PackInputs')]

dataset = dict(type='CustomDataset', data_prefix='images', with_label=True, pipeline=pipeline)
train_dataloader = dict(dataset=dict(ann_file='splits/train.txt', **dataset))
val_dataloader = dict(batch_size=64, dataset=dict(ann_file='splits/valid.txt', test_mode=True, **dataset))
test_dataloader = dict(batch_size=64, dataset=dict(ann_file='splits/test.txt', test_mode=True, **dataset))
val_evaluator = dict(type='ClassificationScores')
test_evaluator = val_evaluator
