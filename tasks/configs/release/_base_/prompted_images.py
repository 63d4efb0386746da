"""Box prompts as LVM-Med's authors released them (segmentation_2d/MedSAM_* and LVMMed_SAM_* of their repository).

Images: blue first, nearest pixels, stretched to 0..254, normalised by SAM's values for RGB. Boxes: around the mask at
256 x 256, moved in validation and testing too; a random box where the mask is empty. Loss: Dice with squares alone,
since the cross-entropy of one channel is 0. Everything is compared at 256 x 256.

Not as released: where numpy's numbers come from (40 processes repeated the same ones in every epoch); here an image has
the same box in each test of a seed, and another one each time that it is trained on.
"""

_base_ = '../../_base_/prompted_images.py'

model = dict(image_input='stretched_bgr', loss=dict(cross_entropy=0.0))
box = dict(
    type='PromptByBox', scale=(1024, 1024), noise=20, tight_at='low', empty='random', compare_at='low')
packed = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'box', 'drawn'))
test_pipeline = [dict(type='LoadAnnotations'), dict(seed=0, **box), packed]
train_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadAnnotations'), box, packed]))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(unprompted='count')
test_evaluator = val_evaluator
