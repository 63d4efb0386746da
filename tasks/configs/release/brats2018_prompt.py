"""BraTS 2018: brain tumours in MRI; T1ce, T2 and FLAIR are the three channels; one box prompts SAM (LVM-Med, appendix).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 3e-5, 30 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 3e-5, 30 epochs, from a config that was deleted later; no split, and a loader that cannot run.
One box for the whole tumour.
Published: 3D IoU 85.76 +- 0.07 with LVM-Med's encoder, 85.37 +- 0.07 with SAM's (mean of slices).
Run: python -m benchmarks run --tasks brats2018_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_volumes.py'

task = dict(
    name='brats2018_prompt', version=1, dataset='brats2018', kind='volumes',
    protocol='prompt', headline='slice_iou', recipe='release', patient='folder')

classes = ('background', 'necrosis', 'oedema', 'enhancing')
data = dict(data_root='brats2018', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=3e-5))
train_cfg = dict(max_epochs=30)
