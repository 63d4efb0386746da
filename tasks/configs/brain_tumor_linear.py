"""Brain tumour classification (MRI, Kaggle), four classes, linear evaluation (LVM-Med, table 5).

Profile paper: frozen backbone, one linear layer, 224 x 224, batch 64, Adam 5e-4, 30 epochs.
Released: the same, but 20 epochs, and 30 % of Training in place of 20 % to choose the checkpoint on.
Published: accuracy 66.33 +- 0.31 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks brain_tumor_linear --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/linear_classifier.py', '_base_/classification_224px.py', '_base_/adam_5e-4_30_epochs.py',
    '_base_/runtime.py']

task = dict(
    name='brain_tumor_linear', version=2, dataset='brain_tumor', kind='classification', protocol='linear',
    headline='accuracy')

classes = ('glioma', 'meningioma', 'no tumor', 'pituitary')
data = dict(data_root='brain_tumor', metainfo=dict(classes=classes))

model = dict(head=dict(num_classes=4))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
