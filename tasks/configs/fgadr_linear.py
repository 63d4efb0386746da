"""FGADR: grades 0 to 4 of diabetic retinopathy in fundus photographs, linear evaluation (LVM-Med, table 5).

Profile paper: frozen backbone, one linear layer, crops of 480 x 480 of the image at 512 x 512, batch 32, Adam 5e-4,
weight decay 0.005, 20 epochs.
Released: the same, but the random crops and flips of training also in validation and testing.
Published: accuracy 68.33 +- 0.48 with LVM-Med ResNet-50.
The published list has the test images as valid images too, so without `--split clean` this suite chooses its checkpoint
on the test images. The released code does not read that part of the list: it chooses on 20 % of the training images,
drawn at random, as `--recipe release` does. `--split clean` does it with another draw, of each grade alike.
Run: python -m benchmarks run --tasks fgadr_linear --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/linear_classifier.py', '_base_/classification_480px.py', '_base_/adam_5e-4_20_epochs.py',
    '_base_/runtime.py']

task = dict(
    name='fgadr_linear', version=3, dataset='fgadr', kind='classification', protocol='linear',
    headline='accuracy', clean_split=dict(train='splits/clean_train.txt', valid='splits/clean_valid.txt'))

classes = ('grade 0', 'grade 1', 'grade 2', 'grade 3', 'grade 4')
data = dict(data_root='fgadr', metainfo=dict(classes=classes))

model = dict(head=dict(num_classes=5))
train_dataloader = dict(batch_size=32, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
val_evaluator = dict(kappa_weights='quadratic')
test_evaluator = dict(kappa_weights='quadratic')
