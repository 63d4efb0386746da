"""FGADR: grades 0 to 4 of diabetic retinopathy in fundus photographs, fine-tuning (LVM-Med, table 5).

Profile paper: one linear layer, crops of 480 x 480 of the image at 512 x 512, batch 32, Adam 5e-4, weight decay
0.005, 20 epochs.
Released: Adam 1e-4, 30 epochs, and the random crops and flips of training also in validation and testing.
Published: accuracy 68.32 +- 0.48 with LVM-Med ResNet-50.
The published list has the test images as valid images too, so without `--split clean` this suite chooses its checkpoint
on the test images. The released code does not read that part of the list: it chooses on 20 % of the training images,
drawn at random, as `--recipe release` does. `--split clean` does it with another draw, of each grade alike.
Run: python -m benchmarks run --tasks fgadr_finetune --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = 'fgadr_linear.py'

task = dict(name='fgadr_finetune', protocol='finetune')
model = dict(backbone=dict(frozen=False))
