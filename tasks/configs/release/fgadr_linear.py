"""FGADR: grades 0 to 4 of diabetic retinopathy (fundus photographs), linear evaluation (LVM-Med, table 5), as released.

Released: one linear layer, batch 32, Adam 5e-4, weight decay 0.005, 20 epochs, of a ViT too. Images at 512 x 512
(nearest), random crops of 480, mirrored (0.5), contrast stretched (0.2), in validation and testing too (trap 8). The
frozen network is in training mode (trap 9). A fifth of the training images, drawn at random, are the valid ones.
Not as released: in validation and testing the draws belong to the run's seed and the image, so that a run gives the
same score each time; the release draws anew in each pass.
The sound choice: `dict(type='CenterCrop', crop_size=480)` in place of the RandomView in `test_pipeline`.
Published: accuracy 68.33 +- 0.48 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks fgadr_linear --backbones lvmmed_resnet50 --profile paper
"""

_base_ = '_base_/classifier.py'

task = dict(
    name='fgadr_linear', recipe='release', version=1, dataset='fgadr', kind='classification', protocol='linear',
    headline='accuracy')

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='NearestResize', scale=(512, 512)),
    dict(type='RandomView', crop_size=480, flip=0.5, autocontrast=0.2),
    dict(type='PackInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='NearestResize', scale=(512, 512)),
    dict(type='RandomView', crop_size=480, flip=0.5, autocontrast=0.2, seed=0),
    dict(type='PackInputs')]
classes = ('grade 0', 'grade 1', 'grade 2', 'grade 3', 'grade 4')
data = dict(data_root='fgadr', metainfo=dict(classes=classes))

model = dict(head=dict(num_classes=5))
fit = dict(backbone=dict(frozen_statistics=False))
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline, **data))
val_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = dict(batch_size=32, dataset=dict(pipeline=test_pipeline, **data))
val_evaluator = dict(kappa_weights='quadratic')
test_evaluator = dict(kappa_weights='quadratic')
optim_wrapper = dict(optimizer=dict(weight_decay=0.005))
train_cfg = dict(max_epochs=20)
