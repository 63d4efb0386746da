"""The same networks at 224 x 224, in batches of 64, as released for Kvasir and MMWHS."""

_base_ = 'unet_2d.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='NearestResize', scale=(224, 224)),
    dict(type='Stretch', gap=0.01),
    dict(type='PackSegInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='NearestResize', scale=(224, 224)),
    dict(type='Stretch', gap=0.0),
    dict(type='PackSegInputs')]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
