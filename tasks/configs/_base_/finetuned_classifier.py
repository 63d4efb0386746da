"""The same linear layer, the backbone trained along (LVM-Med, table 5, 'fine-tuning')."""

_base_ = 'linear_classifier.py'

model = dict(backbone=dict(frozen=False))
