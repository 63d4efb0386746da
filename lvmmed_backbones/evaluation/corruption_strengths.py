"""How strong each corruption is at severities 1 to 5, for each modality: the values of MedMNIST-C's registry.

A number is a deviation of intensities from 0 to 1 (gaussian and speckle noise), a share of pixels (impulse noise),
photons of a white pixel (shot noise), the width of a kernel in pixels of 224 (gaussian blur), a radius and the
deviation of its edge (defocus), a length and a deviation (motion), the largest factor and the step (zoom), a factor
(brightness, contrast, pixelate), an exponent (gamma), an increase of saturation, or JPEG's quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NOISE = {
    "gaussian_noise": (0.04, 0.08, 0.12, 0.18, 0.26),
    "speckle_noise": (0.05, 0.15, 0.2, 0.35, 0.45),
    "impulse_noise": (0.01, 0.03, 0.06, 0.09, 0.17),
    "shot_noise": (60, 25, 18, 10, 5),
}
_ENHANCED = {
    "brightness_up": (1.1, 1.2, 1.3, 1.4, 1.5),
    "brightness_down": (0.9, 0.8, 0.7, 0.6, 0.5),
    "contrast_up": (1.1, 1.2, 1.3, 1.4, 1.6),
    "contrast_down": (0.9, 0.8, 0.7, 0.6, 0.4),
}
_GAMMA = {"gamma_up": (1.1, 1.2, 1.3, 1.4, 1.6), "gamma_down": (0.9, 0.8, 0.7, 0.6, 0.4)}
_JPEG = (50, 30, 15, 10, 7)
_DERMATOSCOPY = {
    "pixelate": (0.7, 0.5, 0.4, 0.3, 0.25),
    "jpeg_compression": (30, 20, 15, 10, 7),
    **_NOISE,
    "defocus_blur": ((4, 0.1), (5, 0.2), (6, 0.3), (7, 0.4), (8, 0.5)),
    "motion_blur": ((10, 5), (15, 5), (15, 8), (15, 12), (20, 15)),
    "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    **_ENHANCED,
    "contrast_down": (0.8, 0.7, 0.6, 0.5, 0.4),
}
_XRAY = {
    "pixelate": (0.3, 0.25, 0.2, 0.15, 0.1),
    "jpeg_compression": _JPEG,
    **_NOISE,
    "gaussian_blur": (3, 5, 7, 9, 11),
    **_ENHANCED,
    **_GAMMA,
}

# "general" is for images of any kind: what ChestMNIST-C and DermaMNIST-C have, and the saturation of BloodMNIST-C.
STRENGTHS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "general": {
        **_DERMATOSCOPY,
        "jpeg_compression": _JPEG,
        "gaussian_blur": _XRAY["gaussian_blur"],
        "contrast_down": _ENHANCED["contrast_down"],
        **_GAMMA,
        "saturate": (0.05, 0.1, 0.15, 0.17, 0.2),
    },
    "xray": _XRAY,  # ChestMNIST-C
    "pediatric_xray": {  # PneumoniaMNIST-C
        "pixelate": (0.8, 0.7, 0.6, 0.5, 0.4),
        "jpeg_compression": _JPEG,
        "gaussian_noise": (0.04, 0.05, 0.06, 0.07, 0.08),
        "speckle_noise": (0.05, 0.07, 0.1, 0.15, 0.2),
        "impulse_noise": (0.005, 0.01, 0.013, 0.017, 0.02),
        "shot_noise": (300, 200, 150, 100, 80),
        "gaussian_blur": (3, 5, 7, 9, 11),
        **_ENHANCED,
        **_GAMMA,
    },
    "ct": {  # OrganAMNIST-C
        "pixelate": (0.7, 0.6, 0.5, 0.4, 0.35),
        "jpeg_compression": _JPEG,
        "gaussian_noise": (0.04, 0.08, 0.12, 0.16, 0.2),
        "speckle_noise": (0.05, 0.1, 0.2, 0.3, 0.4),
        "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.08),
        "shot_noise": (200, 100, 50, 25, 15),
        "gaussian_blur": (11, 13, 15, 17, 21),
        "brightness_up": (1.2, 1.3, 1.4, 1.5, 1.6),
        "brightness_down": (0.8, 0.75, 0.7, 0.65, 0.6),
        "contrast_up": (1.3, 1.4, 1.6, 1.7, 1.8),
        "contrast_down": (0.8, 0.7, 0.6, 0.55, 0.5),
        "gamma_up": (1.3, 1.4, 1.6, 1.8, 2.0),
        "gamma_down": (0.9, 0.8, 0.7, 0.6, 0.4),
    },
    "ultrasound": {  # BreastMNIST-C
        "pixelate": (0.3, 0.25, 0.2, 0.15, 0.1),
        "jpeg_compression": _JPEG,
        "speckle_noise": (0.1, 0.15, 0.2, 0.25, 0.3),
        "motion_blur": ((5, 5), (9, 7), (9, 10), (13, 10), (17, 12)),
        "brightness_up": (1.4, 1.5, 1.6, 1.8, 2.0),
        "brightness_down": (0.55, 0.5, 0.45, 0.4, 0.3),
        "contrast_down": (0.9, 0.8, 0.7, 0.6, 0.4),
    },
    "oct": {  # OCTMNIST-C
        "pixelate": (0.3, 0.25, 0.2, 0.15, 0.1),
        "jpeg_compression": (30, 15, 10, 7, 5),
        "speckle_noise": (0.15, 0.3, 0.4, 0.5, 0.6),
        "defocus_blur": ((0.5, 0.6), (1, 0.5), (1.5, 0.1), (2.0, 0.5), (2.5, 0.1)),
        "motion_blur": ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
        "contrast_down": (0.6, 0.4, 0.3, 0.2, 0.15),
    },
    "fundus": {  # RetinaMNIST-C
        "pixelate": (0.8, 0.6, 0.5, 0.4, 0.35),
        "jpeg_compression": (30, 25, 20, 10, 5),
        "gaussian_noise": (0.04, 0.08, 0.12, 0.16, 0.2),
        "speckle_noise": (0.1, 0.15, 0.2, 0.25, 0.3),
        "defocus_blur": ((4, 0.1), (5, 0.2), (6, 0.3), (7, 0.4), (8, 0.5)),
        "motion_blur": ((8, 5), (15, 5), (15, 8), (15, 12), (20, 15)),
        "brightness_down": (0.9, 0.8, 0.7, 0.6, 0.5),
        "contrast_down": (0.9, 0.8, 0.7, 0.6, 0.4),
    },
    "dermatoscopy": _DERMATOSCOPY,  # DermaMNIST-C
    "blood": {  # BloodMNIST-C
        "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
        "jpeg_compression": _JPEG,
        "defocus_blur": ((2, 0.01), (3, 0.1), (4, 0.1), (5, 0.1), (6, 0.1)),
        "motion_blur": ((3, 3), (5, 5), (10, 5), (10, 7), (10, 9)),
        "brightness_up": (1.1, 1.2, 1.3, 1.35, 1.4),
        "brightness_down": (0.9, 0.8, 0.7, 0.6, 0.5),
        "contrast_up": (1.1, 1.15, 1.2, 1.25, 1.3),
        "contrast_down": (0.9, 0.8, 0.7, 0.6, 0.5),
        "saturate": (0.05, 0.1, 0.15, 0.17, 0.2),
    },
    "pathology": {  # PathMNIST-C
        "pixelate": (0.8, 0.6, 0.4, 0.3, 0.25),
        "jpeg_compression": _JPEG,
        "defocus_blur": ((3, 0.1), (4, 0.1), (5, 0.2), (6, 0.2), (7, 0.3)),
        "motion_blur": ((5, 5), (10, 5), (15, 5), (15, 8), (15, 12)),
        "brightness_up": (1.1, 1.15, 1.2, 1.22, 1.25),
        "brightness_down": (0.85, 0.8, 0.75, 0.72, 0.7),
        "contrast_up": (1.1, 1.2, 1.3, 1.4, 1.6),
        "contrast_down": (0.8, 0.7, 0.6, 0.55, 0.5),
        "saturate": (0.05, 0.1, 0.15, 0.2, 0.25),
    },
    "microscopy": {  # TissueMNIST-C
        "pixelate": (0.4, 0.3, 0.2, 0.15, 0.1),
        "jpeg_compression": (25, 20, 15, 10, 7),
        "impulse_noise": (0.01, 0.015, 0.02, 0.025, 0.03),
        "gaussian_blur": (13, 15, 17, 21, 25),
        "brightness_up": (1.3, 1.4, 1.5, 1.6, 1.7),
        "brightness_down": (0.8, 0.7, 0.6, 0.5, 0.4),
        "contrast_up": (1.1, 1.2, 1.3, 1.4, 1.6),
        "contrast_down": (0.9, 0.8, 0.7, 0.6, 0.4),
    },
}
