"""Register what the released protocols need with mmengine; their configs import this module by custom_imports."""

from tasks.metrics import released  # noqa: F401
from tasks.release import loading, loop, sampling, transforms, transunet, unet  # noqa: F401
