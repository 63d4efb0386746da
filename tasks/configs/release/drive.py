"""DRIVE: retinal vessels in fundus photographs (LVM-Med, table 2), on a split of this suite.

Released: the network, the loss and the loader, but no config for this data set, and no split: size, batch, rate and
epochs are BUID's, of both kinds of networks.
Published: Dice 66.97 +- 0.27 with LVM-Med ResNet-50, 59.82 +- 2.00 with a random one.
Run: python -m benchmarks run --recipe release --tasks drive --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_2d.py'

task = dict(
    name='drive', recipe='release', version=2, dataset='drive', kind='segmentation', protocol='finetune',
    headline='dice')

classes = ('background', 'vessel')
data = dict(data_root='drive', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
