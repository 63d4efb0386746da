"""Tamper with sound files: JSON, PNG, bytes of any kind."""

from __future__ import annotations

import copy
import json
import math
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 0.5, 1e308, -1e308, 1e-320, 10**400, 2**63, -(2**63) - 1, math.nan, math.inf, -0.0,
    "", " ", "1", "x" * 5000, "\x1b[2J", "\u202e", "\ud800", "a\nb", "=cmd|' /C calc'!A0", "[red]x", "<script>",
    "../../etc/passwd", "/etc/passwd", "漢字", "𝔘", "$x$", "|", [], {}, [[]], [0.5], {"a": 1}, {"\x07": 0.5},
    {str(i): 0.1 for i in range(50)}, ["a"] * 2000,
]  # fmt: skip


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container within a content, with each of its keys."""
    for key in list(content) if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], (dict, list)):
            yield from places(content[key])


def tampered(content: Any, rng: random.Random) -> Any:
    """The content with one or two values replaced, left out, renamed, repeated or nested."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 2))):
        place, key = rng.choice(list(places(content)))
        match rng.randrange(6):
            case 0 | 1 | 2:
                place[key] = copy.deepcopy(rng.choice(VALUES))
            case 3:
                del place[key]
            case 4 if isinstance(place, dict):
                place[rng.choice(("x", "", "\x1b", "schema", "a" * 600))] = place.pop(key)
            case 4:
                place.extend([place[key]] * rng.choice((1, 9, 1200)))
            case _:
                for _ in range(rng.choice((1, 10, 300))):
                    place[key] = {"a": place[key]} if rng.random() < 0.5 else [place[key]]
        if not content:
            break
    return content


def bytes_of(content: Any, rng: random.Random) -> bytes:
    """The content tampered with, as JSON, or its JSON tampered with: three of four are still JSON."""
    if rng.random() < 0.75:
        text = json.dumps(tampered(content, rng))
        if rng.random() < 0.1:  # a key that comes twice
            text = text.replace('"seed": 0', '"seed": 0, "seed": 1').replace(
                "{", '{"x": 1, "x": 2, ', 1
            )
        return text.encode()
    return scratched(json.dumps(content).encode(), rng)


def scratched(data: bytes, rng: random.Random) -> bytes:
    """Some bytes flipped, cut off, put in or taken out."""
    found = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(found) or 1)
        match rng.randrange(4):
            case 0 if found:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 2:
                del found[at : at + rng.randrange(1, 9)]
            case _ if rng.random() < 0.2:
                del found[at:]
    return bytes(found)


def gallery(kind: str) -> dict[str, Any]:
    """An index of two cases."""
    names = {"segmentation": ("image", "truth", "prediction"), "detection": ("image", "boxes")}
    files = {
        name: f"{name}.{'json' if name == 'boxes' else 'png'}"
        for name in names.get(kind, ["image"])
    }
    case = dict(case="a/b", image="a/b", score=0.5, files=files)
    if kind == "classification":
        case |= dict(truth=1, prediction=0, probabilities=[0.75, 0.25])
    entries = [dict(case, role=role) for role in ("best", "worst")]
    return dict(schema=1, kind=kind, metric="dice", classes=["a", "b"], entries=entries)


BOXES = dict(
    truth=[dict(label=0, box=[1, 1, 5, 5.5])],
    prediction=[
        dict(label=1, score=0.5, box=[0, 1, 2, 3]),
        dict(label=0, score=0.25, box=[0, 0, 1, 1]),
    ],
)


def write_gallery(folder: Path, kind: str) -> None:
    """A sound gallery, of noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (9, 8, 3)).astype(np.uint8)).save(folder / "image.png")
    for name in ("truth", "prediction"):
        Image.fromarray(rng.integers(0, 2, (9, 8)).astype(np.uint8)).save(folder / f"{name}.png")
    (folder / "boxes.json").write_text(json.dumps(BOXES))
    (folder / "gallery.json").write_text(json.dumps(gallery(kind)))


def png(data: bytes, rng: random.Random) -> bytes:
    """A PNG with a field of its header, or a chunk, tampered with; the checksums are right again."""
    at, chunks = 8, []
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    number = rng.randrange(len(chunks))
    match rng.randrange(4):
        case 0 | 1:
            head = list(struct.unpack(">IIBBBBB", chunks[0][1]))
            field = rng.randrange(7)
            sides = (0, 1, 7, 9, 1024, 1025, 50_000, 2**31 - 1)
            head[field] = (
                rng.choice(sides) if field < 2 else rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
            )
            chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *head))
        case 2:
            chunks.insert(number, rng.choice(chunks))
        case _:
            kind, body = chunks[number]
            kind = rng.choice((b"tEXt", b"PLTE", b"tRNS", b"acTL", kind))
            chunks[number] = (kind, scratched(body, rng))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
