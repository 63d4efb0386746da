"""FGADR: grades 0 to 4 of diabetic retinopathy in fundus photographs, fine-tuning (LVM-Med, table 5), as released.

Released: one linear layer, Adam 1e-4, weight decay 0.005, 30 epochs. A ResNet-50: batch 32, images as in fgadr_linear,
at random in testing too (trap 8), with the same sound choice. A ViT: batch 12, 512 x 512 px, nothing random
(clsvit:301-305).
Published: accuracy 68.32 +- 0.48 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks fgadr_finetune --backbones lvmmed_resnet50 --profile paper
"""

_base_ = 'fgadr_linear.py'

task = dict(name='fgadr_finetune', protocol='finetune')
fit = dict(backbone=dict(_delete_=True, output='vector'))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=30)

whole = [
    dict(type='LoadImageFromFile'),
    dict(type='NearestResize', scale=(512, 512)),
    dict(type='PackInputs')]
vit = {
    'train_dataloader.batch_size': 12,
    'val_dataloader.batch_size': 12,
    'test_dataloader.batch_size': 12,
    'train_dataloader.dataset.pipeline': whole,
    'val_dataloader.dataset.pipeline': whole,
    'test_dataloader.dataset.pipeline': whole}
