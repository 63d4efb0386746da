"""ISIC 2018 task 1: skin lesions in dermoscopy (LVM-Med, table 2).

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: no config for training a network end to end, and no split.
Published: Dice 87.76 +- 0.30 with LVM-Med ResNet-50, 86.16 +- 0.14 with a random one.
Run: python -m benchmarks run --tasks isic2018 --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(name='isic2018', version=1, dataset='isic2018', kind='segmentation', protocol='finetune', headline='dice')

classes = ('background', 'lesion')
data = dict(data_root='isic2018', img_suffix='.jpg', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=2), auxiliary_head=dict(num_classes=2))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
