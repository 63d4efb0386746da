"""BraTS 2018: brain tumours in MRI (LVM-Med, table 3); T1ce, T2 and FLAIR are the three channels.

Profile paper: UperNet slice by slice, 224 x 224, batch 64, Adam 1e-3, 20 epochs, gradients clipped at norm 1.
Released: no config for training a network end to end, and no split. What is left of the code suggests FLAIR alone and
the whole tumour as one class.
Published: 3D IoU 73.58 +- 0.14 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks brats2018 --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/volumes_224px.py', '_base_/adam_1e-3_20_epochs.py', '_base_/runtime.py']

task = dict(
    name='brats2018', version=1, dataset='brats2018', kind='volumes', protocol='finetune', headline='iou',
    patient='folder')

classes = ('background', 'necrosis', 'oedema', 'enhancing')
data = dict(data_root='brats2018', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=4), auxiliary_head=dict(num_classes=4))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
