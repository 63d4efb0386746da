"""MMWHS: heart structures in MRI (LVM-Med, table 3), on the published split.

Profile paper: UperNet slice by slice, 224 x 224, batch 64, Adam 1e-3, 20 epochs, gradients clipped at norm 1.
Released: U-Net on one grey channel, Adam 1.5e-3, 30 epochs, otherwise the same.
Published: 3D IoU 78.59 +- 0.84 with LVM-Med ResNet-50.
The released code scores one structure, the left atrium: `iou/left atrium` comes nearest to the published figure.
The headline is the mean over all seven.
Run: python -m benchmarks run --tasks mmwhs_mri --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = 'mmwhs_ct.py'

task = dict(name='mmwhs_mri', dataset='mmwhs_mri')
data = dict(data_root='mmwhs_mri')

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
