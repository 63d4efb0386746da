"""Brain tumour classification (MRI, Kaggle), four classes, fine-tuning (LVM-Med, table 5), as released.

Released: one linear layer, 224 x 224, batch 64, Adam 5e-4, 30 epochs for a ResNet-50, 40 for a ViT.
Published: accuracy 76.82 +- 2.23 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks brain_tumor_finetune --backbones lvmmed_resnet50 --profile paper
"""

_base_ = '../brain_tumor_finetune.py'

task = dict(recipe='release')
vit = dict(train_cfg=dict(max_epochs=40))
