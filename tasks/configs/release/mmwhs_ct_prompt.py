"""MMWHS: heart structures in CT; one box prompts SAM (LVM-Med, appendix).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 3e-5, 30 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 3e-5, 30 epochs, and the split.
One box for all seven structures, whose union is scored.
Trained on the labels 0 to 7 as they are, not on 0 and 1.
Published: 3D IoU 78.03 +- 0.93 with LVM-Med's encoder, 76.61 +- 1.91 with SAM's (mean of slices).
Run: python -m benchmarks run --tasks mmwhs_ct_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_volumes.py'

task = dict(
    name='mmwhs_ct_prompt', version=1, dataset='mmwhs_ct', kind='volumes',
    protocol='prompt', headline='slice_iou', recipe='release', patient='folder')

classes = ('background', 'myocardium', 'left atrium', 'left ventricle', 'right atrium',
           'right ventricle', 'aorta', 'pulmonary artery')
data = dict(data_root='mmwhs_ct', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(loss=dict(targets='labels'))
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=3e-5))
train_cfg = dict(max_epochs=30)
