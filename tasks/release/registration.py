"""Register what the released protocols need with mmengine; their configs import this module by custom_imports."""

from tasks.metrics import released  # noqa: F401
from tasks.release import (  # noqa: F401
    loading,
    loop,
    sampling,
    transforms,
    transunet,
    unet,
    views,
)
