"""A build holds the images of one unit at a time: ten times as many images take hardly more memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.performance.corpus import generate_small

MOST = 6.0  # MB that 4,500 images more may take; their pixels have 10
# Peaks are Linux's VmHWM: a process that is begun by another starts with the ru_maxrss of that one. The peak of a
# worker is read until it ends.
BUILD = """
import json, re, sys, threading, time
from pathlib import Path
from psutil import Process
from lvmmed_backbones.corpus import building, state

def peak(process):
    try:
        found = re.search(r"VmHWM:\\s*(\\d+)", Path(f"/proc/{process}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        found = None
    return int(found[1]) / 1024 if found else 0

def watch():
    while True:
        peaks.update({child.pid: max(peaks.get(child.pid, 0), peak(child.pid)) for child in Process().children()})
        time.sleep(0.01)

peaks = {}
state.GROUP = 400  # both manifests have whole groups, which take memory of their own
source, out = map(Path, sys.argv[1:])
building.build([source / "0000"], out / "warm", workers=1)  # loads what is loaded at the first use
peaks.clear()
before = peak("self")
threading.Thread(target=watch, daemon=True).start()
images = building.build([source], out / "all", workers=1).images
print(json.dumps([images, peak("self") - before, max(peaks.values()) - before]))
"""


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    grown = []
    for images in (500, 5000):
        source, out = tmp_path / f"in{images}", tmp_path / f"out{images}"
        generate_small(source, images)
        out.mkdir()
        command = [sys.executable, "-c", BUILD, str(source), str(out)]
        result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        built, *peaks = json.loads(result.stdout)
        assert built == images
        grown.append(peaks)
    (main, worker), (main_of_many, worker_of_many) = grown
    assert main_of_many - main < MOST and worker_of_many - worker < MOST, grown
