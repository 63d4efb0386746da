"""Classification on 480 x 480 crops of the image at 512 x 512, random and mirrored in training, central in testing.

The released code crops, mirrors and stretches at random in validation and testing too, so that its figures change from
one evaluation to the next; ours do not. A ViT that it fine-tunes sees the whole image, as it is.
"""

_base_ = 'classification_224px.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), interpolation='nearest'),
    dict(type='RandomCrop', crop_size=480),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='AutoContrast', prob=0.2),
    dict(type='PackInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(512, 512), interpolation='nearest'),
    dict(type='CenterCrop', crop_size=480),
    dict(type='PackInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
