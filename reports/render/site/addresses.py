"""Names from records to names of files: whatever a record says, no path leaves its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_ADDRESS = 60


def page_addresses(names: Iterable[str]) -> dict[str, str]:
    """A file name, without extension, for each name: letters, digits, `_` and `-` only.

    A name that is safe already keeps itself; another gets a hash behind what is left of it. No two are alike, not even
    where upper and lower case are the same to the file system.

    >>> addresses(["resnet50", "../etc"])
    {'../etc': 'etc-f7f9121f', 'resnet50': 'resnet50'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        plain = UNSAFE.sub("-", name).strip("-")[:LONGEST_ADDRESS] or "unnamed"
        hashed = f"{plain}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
        address = plain if plain == name and plain.lower() not in taken else hashed
        while address.lower() in taken:
            address += "-"
        taken.add(address.lower())
        found[name] = address
    return found
