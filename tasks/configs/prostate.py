"""Prostate in MRI, trained at one site and tested at four (LVM-Med, table 4).

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: no code, no config, no split.
Published: Dice 80.17 (BMC, in distribution), 62.48 (RUNMC), 56.76 (BIDMC), 52.78 (HK) with LVM-Med ResNet-50.
The headline is the mean of the four sites' Dice, each over its slices; `dice/BMC` and the others are in the record.
Run: python -m benchmarks run --tasks prostate --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(
    name='prostate', version=1, dataset='prostate', kind='segmentation', protocol='finetune', headline='dice',
    patient='folder')

classes = ('background', 'prostate')
data = dict(data_root='prostate', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=2), auxiliary_head=dict(num_classes=2))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=dict(ann_file='splits/test_all.txt', **data))
test_evaluator = dict(group='site')
