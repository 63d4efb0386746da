"""MMWHS: the left atrium in MRI (LVM-Med, table 3), on the published split, as released.

Released (mmwhs_mr_endtoend_R50.yml): as for CT, but Adam 1.5e-3 and 30 epochs.
A plain transformer has no released config for MRI: as for CT.
Published: 3D IoU 78.59 +- 0.84 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks mmwhs_mri --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = 'mmwhs_ct.py'

task = dict(name='mmwhs_mri', dataset='mmwhs_mri')
data = dict(data_root='mmwhs_mri')

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)

optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
train_cfg = dict(max_epochs=30)
