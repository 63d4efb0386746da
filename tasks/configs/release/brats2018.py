"""BraTS 2018: the whole tumour in FLAIR (LVM-Med, table 3), on a split of this suite.

Released: the network, the loss, and the script for volumes, whose early version had two classes and scored class 1;
no config, no preparation, no split, and a loader that reads an attribute that does not exist (dataset.py:239-240), so
it cannot run. FLAIR alone is inferred from the name of a variable, the whole tumour from the loader's rule for masks
(above 0 is 1). All else is MMWHS's, with the rate and the epochs of CT, as the deleted configs for box prompts have one
rate for both: one grey channel, 224 x 224, batch 64, Adam 1e-3, 20 epochs; a plain transformer as for CT.
Trained on the slices with a tumour and as many draws from the others, as MMWHS on those with a left atrium.
Published: 3D IoU 73.58 +- 0.14 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks brats2018 --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_volumes.py'

task = dict(
    name='brats2018', recipe='release', version=1, dataset='brats2018', kind='volumes', protocol='finetune',
    headline='iou', patient='folder')

classes = ('background', 'tumour')
data = dict(data_root='brats2018', img_suffix='.png', metainfo=dict(classes=classes))
train_pipeline = [
    dict(type='LoadOneChannel', place=0),  # blue, which is FLAIR
    dict(type='LoadUnion'),
    dict(type='NearestResize', scale=(224, 224)),
    dict(type='Stretch', gap=0.01),
    dict(type='PackSegInputs')]
test_pipeline = [
    dict(type='LoadOneChannel', place=0),
    dict(type='LoadUnion'),
    dict(type='NearestResize', scale=(224, 224)),
    dict(type='Stretch', gap=0.0),
    dict(type='PackSegInputs')]

model = dict(classes=2)
train_dataloader = dict(sampler=dict(label=1, one_class=True), dataset=dict(pipeline=train_pipeline, **data))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
val_evaluator = dict(label=1)
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=20)
