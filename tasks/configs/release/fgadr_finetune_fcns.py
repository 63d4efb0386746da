"""FGADR: grades 0 to 4 of diabetic retinopathy, fine-tuning, with several layers, as released.

Released ("fcns", cls50:98-122): layers of 512, 128 and 5 on the vector, ReLU between, no dropout.
Else as fgadr_finetune.
The suite's recipe has no such task, and the paper's table 5 no such row.
Run: python -m benchmarks run --recipe release --tasks fgadr_finetune_fcns --backbones lvmmed_resnet50
"""

_base_ = 'fgadr_finetune.py'

task = dict(name='fgadr_finetune_fcns', version=1)
model = dict(head=dict(
    _delete_=True, type='StackedLinearClsHead', num_classes=5, in_channels=2048, mid_channels=[512, 128], topk=(1,)))
