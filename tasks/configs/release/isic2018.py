"""ISIC 2018 task 1: skin lesions in dermoscopy (LVM-Med, table 2), on a split of this suite.

Released: the network, the loss and the loader, but no config for this data set, and no split: size, batch, rate and
epochs are BUID's, of both kinds of networks.
Published: Dice 87.76 +- 0.30 with LVM-Med ResNet-50, 86.16 +- 0.14 with a random one.
Run: python -m benchmarks run --recipe release --tasks isic2018 --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_2d.py'

task = dict(
    name='isic2018', recipe='release', version=1, dataset='isic2018', kind='segmentation', protocol='finetune',
    headline='dice')

classes = ('background', 'lesion')
data = dict(data_root='isic2018', img_suffix='.jpg', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
