"""Brain tumour classification (MRI, Kaggle), four classes, fine-tuning (LVM-Med, table 5).

Profile paper: one linear layer, 224 x 224, batch 64, Adam 5e-4, 30 epochs.
Released: the same, but 30 % of Training in place of 20 % to choose the checkpoint on.
Published: accuracy 76.82 +- 2.23 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks brain_tumor_finetune --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = 'brain_tumor_linear.py'

task = dict(name='brain_tumor_finetune', protocol='finetune')
model = dict(backbone=dict(frozen=False))
