"""A decoder for pydicom of JPEG with 12 bits, by imagecodecs: those that pydicom knows are limited to 8 or are GPL."""

from __future__ import annotations

import imagecodecs
import numpy as np
from pydicom.pixels.decoders import JPEGExtended12BitDecoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGExtended12Bit

NAME = "imagecodecs"
DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is decoded here, as pydicom asks every plugin."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """The pixels of a frame, little-endian, one sample after another, as pydicom's plugins give them."""
    pixels = imagecodecs.jpeg8_decode(frame)
    return pixels.astype(np.dtype(f"<u{runner.bits_allocated // 8}")).tobytes()


def register() -> None:
    """Make pydicom use it, once."""
    if NAME not in JPEGExtended12BitDecoder.available_plugins:
        JPEGExtended12BitDecoder.add_plugin(NAME, (__name__, "decode_frame"))
