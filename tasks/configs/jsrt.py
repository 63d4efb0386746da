"""JSRT: lungs and heart in chest X-rays (LVM-Med, table 2).

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: no code, no config, no split.
Published: Dice 95.13 +- 2.64 with LVM-Med ResNet-50, 93.10 +- 0.12 with a random one.
Run: python -m benchmarks run --tasks jsrt --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(name='jsrt', version=1, dataset='jsrt', kind='segmentation', protocol='finetune', headline='dice')

classes = ('background', 'lung', 'heart')
data = dict(data_root='jsrt', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=3), auxiliary_head=dict(num_classes=3))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
