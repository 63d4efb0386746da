"""Brain tumour classification (MRI, Kaggle), four classes, linear evaluation (LVM-Med, table 5), as released.

Released (brain_*_frozen_*.yml): one linear layer, 224 x 224, batch 64, Adam 5e-4, 20 epochs, of a ViT too. The frozen
network is in training mode: statistics of each batch, running ones drift, and these are tested with (trap 9).
Published: accuracy 66.33 +- 0.31 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks brain_tumor_linear --backbones lvmmed_resnet50 --profile paper
"""

_base_ = '_base_/classifier.py'

task = dict(
    name='brain_tumor_linear', recipe='release', version=1, dataset='brain_tumor', kind='classification',
    protocol='linear', headline='accuracy')

# torchvision's Resize of PIL's images: bilinear, antialiased, the ratio of the sides not kept.
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(224, 224), backend='pillow'),
    dict(type='PackInputs')]
classes = ('glioma', 'meningioma', 'no tumor', 'pituitary')
data = dict(data_root='brain_tumor', metainfo=dict(classes=classes), pipeline=pipeline)

model = dict(head=dict(num_classes=4))
fit = dict(backbone=dict(frozen_statistics=False))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(batch_size=64, dataset=data)
test_dataloader = dict(batch_size=64, dataset=data)
train_cfg = dict(max_epochs=20)
