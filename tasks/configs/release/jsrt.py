"""JSRT: lungs and heart in chest X-rays as one class (LVM-Med, table 2), on SCR's folds.

Released: the network, the loss and the loader, whose rule for masks (above 0 is 1) would make lungs and heart one
class; but no config for this data set, and no split: size, batch, rate and epochs are BUID's, of both kinds of
networks. Which structures the paper scored is not said.
Published: Dice 95.13 +- 2.64 with LVM-Med ResNet-50, 93.10 +- 0.12 with a random one.
Run: python -m benchmarks run --recipe release --tasks jsrt --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_2d.py'

task = dict(
    name='jsrt', recipe='release', version=1, dataset='jsrt', kind='segmentation', protocol='finetune',
    headline='dice')

classes = ('background', 'lungs and heart')
data = dict(data_root='jsrt', img_suffix='.png', metainfo=dict(classes=classes))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadUnion'),
    dict(type='NearestResize', scale=(256, 256)),
    dict(type='Stretch', gap=0.01),
    dict(type='PackSegInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadUnion'),
    dict(type='NearestResize', scale=(256, 256)),
    dict(type='Stretch', gap=0.0),
    dict(type='PackSegInputs')]

train_dataloader = dict(sampler=dict(one_class=True), dataset=dict(pipeline=train_pipeline, **data))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, **data))
