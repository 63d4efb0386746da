"""Brain tumour classification (MRI, Kaggle), four classes, fine-tuning (LVM-Med, table 5), as released.

Released: one linear layer, 224 x 224, batch 64, Adam 5e-4, 30 epochs for a ResNet-50, 40 for a ViT.
Published: accuracy 76.82 +- 2.23 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks brain_tumor_finetune --backbones lvmmed_resnet50 --profile paper
"""

_base_ = 'brain_tumor_linear.py'

# Version 2 had the suite's valid images and resizing.
task = dict(name='brain_tumor_finetune', protocol='finetune', version=3)
fit = dict(backbone=dict(_delete_=True, output='vector'))
train_cfg = dict(max_epochs=30)
vit = {'train_cfg.max_epochs': 40}
