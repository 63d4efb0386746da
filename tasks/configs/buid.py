"""BUID (BUSI): breast lesions in ultrasound (LVM-Med, table 2), on the published split.

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: U-Net, otherwise the same sizes and rates.
Published: Dice 78.65 +- 0.72 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks buid --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(name='buid', version=1, dataset='buid', kind='segmentation', protocol='finetune', headline='dice')

classes = ('background', 'lesion')
data = dict(data_root='buid', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=2), auxiliary_head=dict(num_classes=2))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
