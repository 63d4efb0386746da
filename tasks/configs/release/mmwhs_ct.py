"""MMWHS: the left atrium in CT (LVM-Med, table 3), on the published split, as released.

Released (mmwhs_ct_endtoend_R50.yml): U-Net on one grey channel, 224 x 224, batch 64, Adam 1e-3, 20 epochs.
A plain transformer (mmwhs_ct_endtoend_SAM_VIT.yml, deleted later): TransUNet, batch 32, Adam 1e-4, 20 epochs.
Published: 3D IoU 84.91 +- 0.77 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks mmwhs_ct --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_volumes.py'

task = dict(
    name='mmwhs_ct', recipe='release', version=1, dataset='mmwhs_ct', kind='volumes', protocol='finetune',
    headline='iou', patient='folder')

classes = ('background', 'myocardium', 'left atrium', 'left ventricle', 'right atrium',
           'right ventricle', 'aorta', 'pulmonary artery')
data = dict(data_root='mmwhs_ct', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=20)
