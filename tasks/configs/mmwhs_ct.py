"""MMWHS: heart structures in CT (LVM-Med, table 3), on the published split.

Profile paper: UperNet slice by slice, 224 x 224, batch 64, Adam 1e-3, 20 epochs, gradients clipped at norm 1.
Released: U-Net on one grey channel, otherwise the same sizes and rates.
Published: 3D IoU 84.91 +- 0.77 with LVM-Med ResNet-50.
The released code scores one structure, the left atrium: `iou/left atrium` comes nearest to the published figure.
The headline is the mean over all seven.
Run: python -m benchmarks run --tasks mmwhs_ct --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/volumes_224px.py', '_base_/adam_1e-3_20_epochs.py', '_base_/runtime.py']

task = dict(
    name='mmwhs_ct', version=1, dataset='mmwhs_ct', kind='volumes', protocol='finetune', headline='iou',
    patient='folder')

classes = ('background', 'myocardium', 'left atrium', 'left ventricle', 'right atrium',
           'right ventricle', 'aorta', 'pulmonary artery')
data = dict(data_root='mmwhs_ct', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=8), auxiliary_head=dict(num_classes=8))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
