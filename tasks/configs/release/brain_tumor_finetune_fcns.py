"""Brain tumour classification (MRI, Kaggle), four classes, fine-tuning, with several layers, as released.

Released ("fcns", cls50:98-122): layers of 512, 256 and 4 on the vector, ReLU between, no dropout.
Else as brain_tumor_finetune.
The suite's recipe has no such task, and the paper's table 5 no such row.
Run: python -m benchmarks run --recipe release --tasks brain_tumor_finetune_fcns --backbones lvmmed_resnet50
"""

_base_ = 'brain_tumor_finetune.py'

task = dict(name='brain_tumor_finetune_fcns', version=1)
model = dict(head=dict(
    _delete_=True, type='StackedLinearClsHead', num_classes=4, in_channels=2048, mid_channels=[512, 256], topk=(1,)))
