"""BCCD's cells: red, white or platelet, cut out of blood smears by their boxes, in grey; linear evaluation.

Profile paper: frozen backbone, one linear layer, 224 x 224, batch 64, Adam 5e-4, 30 epochs. A cell fills the image
whatever its size was.
Split: that of the smears of bccd; all white cells and platelets, two red cells of each smear: 1005 train, 208 valid,
218 test.
Published: nothing by LVM-Med: an open task.
Run: python -m benchmarks run --tasks bccd_cells_linear --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = [
    '../_base_/linear_classifier.py', '../_base_/classification_224px.py', '../_base_/adam_5e-4_30_epochs.py',
    '../_base_/runtime.py']

task = dict(
    name='bccd_cells_linear', version=1, dataset='bccd_cells', kind='classification', protocol='linear',
    headline='accuracy', patient='folder')

classes = ('RBC', 'WBC', 'Platelets')
data = dict(data_root='bccd_cells', metainfo=dict(classes=classes))

model = dict(head=dict(num_classes=3))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
