"""Prostate in MRI, trained at one site and tested at four (LVM-Med, table 4), on a split of this suite.

Released: nothing of this task. The network, the loss and the loader are those for 2D, whose rule for a data set that it
does not name is: a mask above 0 is 1. Size, batch, rate and epochs are BUID's, of both kinds of networks. Slices are
images: those with a prostate and as many draws from the others are trained on, and each is a case, by its site.
The headline is the mean of the four sites' Dice, each over its slices; `dice/BMC` and the others are in the record.
Published: Dice 80.17 (BMC, in distribution), 62.48 (RUNMC), 56.76 (BIDMC), 52.78 (HK) with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks prostate --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_2d.py'

task = dict(
    name='prostate', recipe='release', version=1, dataset='prostate', kind='segmentation', protocol='finetune',
    headline='dice', patient='folder')

classes = ('background', 'prostate')
data = dict(data_root='prostate', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=dict(ann_file='splits/test_all.txt', **data))
test_evaluator = dict(group='site')
