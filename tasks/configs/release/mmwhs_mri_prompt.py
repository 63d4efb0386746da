"""MMWHS: heart structures in MRI; one box prompts SAM (LVM-Med, appendix).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 5e-5, 30 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 5e-5, 30 epochs, and the split.
One box for all seven structures, whose union is scored.
Trained on the labels 0 to 7 as they are, not on 0 and 1.
Published: 3D IoU 78.91 +- 0.80 with LVM-Med's encoder, 77.64 +- 1.14 with SAM's (mean of slices).
Run: python -m benchmarks run --tasks mmwhs_mri_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = 'mmwhs_ct_prompt.py'

task = dict(name='mmwhs_mri_prompt', dataset='mmwhs_mri')
data = dict(data_root='mmwhs_mri')

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=5e-5))
