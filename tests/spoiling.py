"""Damage sound files, as bad copies and people with bad intentions do."""

from __future__ import annotations

import random


def spoilt_bytes(content: bytes, rng: random.Random, header: int | None = None) -> bytes:
    """Return a file's bytes after one to three flips, cuts or insertions, half of them behind the header.

    Parameters
    ----------
    content : bytes
        The sound file.
    rng : Random
        Draws the damage.
    header : int, optional
        Length of the header in bytes; None: a quarter of the file.
    """
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        header_end = len(spoilt) // 4 if header is None else header
        first = header_end if rng.random() < 0.5 else 0
        at = min(rng.randrange(first, max(first + 1, len(spoilt))), len(spoilt) - 1)
        way = rng.randrange(6)
        if way < 2:
            spoilt[at] ^= 1 << rng.randrange(8)
        elif way == 2:
            spoilt[at] = rng.choice(b"\0\1\x7f\x80\xff\"',[]{}-9x\n")
        elif way == 3:
            del spoilt[at : at + rng.randint(1, 40)]
        elif way == 4:
            spoilt[at:at] = rng.randbytes(rng.randint(1, 40))
        elif rng.random() < 0.3:
            del spoilt[at:]
        spoilt = spoilt or bytearray(b"\0")
    return bytes(spoilt)
