"""U-Net on BGR pixels of 0 to 255, stretched per image, as released for 2D segmentation.

Nearest resizing, no augmentation, cross-entropy plus Dice over the batch, Adam, gradients clipped at norm 1, a constant
rate. Validated every floor(n / batch) steps. Dice of class 1 per image, at the network's size; the best and the last
epoch are tested.

A plain transformer gets a stem of convolutions and a decoder (TransUNet), as released until 2023-06-18: batch 32, Adam
1e-4, 20 epochs, the stretch of the training images in testing too. The paper's settings may differ.
"""

_base_ = ['../../_base_/loaders.py', '../../_base_/runtime.py']

custom_imports = dict(imports=['lvmmed_backbones.openmmlab', 'tasks.registration', 'tasks.release.registration'])
default_scope = 'mmseg'

model = dict(
    type='ReleasedUNet',
    classes=2,
    data_preprocessor=dict(type='SegDataPreProcessor', bgr_to_rgb=False, pad_val=0, seg_pad_val=255, size_divisor=1),
    backbone=dict(type='Backbone', model_name='resnet50', output='vector'))
# Pixels are not normalised by the backbone's mean and deviation (trap 5).
fit = dict(backbone=dict(output='vector'), places={})

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='NearestResize', scale=(256, 256)),
    dict(type='Stretch', gap=0.01),
    dict(type='PackSegInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='NearestResize', scale=(256, 256)),
    dict(type='Stretch', gap=0.0),
    dict(type='PackSegInputs')]
dataset = dict(type='BaseSegDataset', data_prefix=dict(img_path='images', seg_map_path='masks'))
train_dataloader = dict(
    batch_size=8,
    sampler=dict(_delete_=True, type='LabelledSlices'),
    dataset=dict(ann_file='splits/train.txt', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=1,
    dataset=dict(ann_file='splits/valid.txt', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = dict(
    batch_size=1,
    dataset=dict(ann_file='splits/test.txt', pipeline=test_pipeline, test_mode=True, **dataset))
val_evaluator = dict(type='ReleasedScores', case='image', label=1)
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=1))
param_scheduler = []
train_cfg = dict(type='StepValidatedLoop', max_epochs=50)
default_hooks = dict(last=dict(type='TestLastHook'))

vit = {
    'model.type': 'TransUNet',
    'fit.backbone': dict(img_size=1024),  # the size of the files' relative positions
    'train_dataloader.batch_size': 32,
    'val_dataloader.dataset.pipeline.3.gap': 0.01,
    'test_dataloader.dataset.pipeline.3.gap': 0.01,
    'optim_wrapper.optimizer.lr': 1e-4,
    'train_cfg.max_epochs': 20}
