"""FGADR: grades 0 to 4 of diabetic retinopathy in fundus photographs, fine-tuning (LVM-Med, table 5).

Paper profile: one linear layer, crops of 480 x 480 of the image at 512 x 512, batch 32, Adam 5e-4, weight decay
0.005, 20 epochs.
Published: accuracy 68.32 +- 0.48 with LVM-Med ResNet-50. In the published split the valid images are the test images:
the checkpoint was chosen on the test set. `--split clean` carves a valid split out of the training images.
Run: python -m benchmarks run --tasks fgadr_finetune --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = 'fgadr_linear.py'

task = dict(name='fgadr_finetune', protocol='finetune')
model = dict(backbone=dict(frozen=False))
