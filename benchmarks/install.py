"""Make the suite's environment: `python benchmarks/install.py` fills .venv in the checkout.

It needs a C++ compiler, the network, and Python's standard library alone. The steps, on 2 cores:

1. torch and torchvision, as constraints.txt pins them (2 minutes, 5 GB on disk);
2. mmcv with its compiled operators: 14 to 25 minutes the first time. PyPI has no wheel of it, its setup.py leaves the
   operators out without a word where torch is missing, and pip's cache does not know for which torch a wheel was built.
   So it is built after torch, without build isolation, and its wheel is kept in a folder named after that torch;
3. the other packages and this checkout, editable, its graph matching solver compiled (2 minutes);
4. a check that mmcv's operators and the solver load.

A second call returns at once if nothing has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
# As lvmmed_backbones.files.home has it, which is not installed yet.
CACHE = Path(
    os.environ.get("LVMMED_HOME")
    or os.environ.get("LVMMED_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lvmmed_backbones"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv")
    folder = parser.parse_args().venv.resolve()
    stamp = folder / "lvmmed.sha256"
    if stamp.is_file() and stamp.read_text() == _wanted():
        _say(f"the environment {folder} is up to date")
        return 0
    if sys.version_info < (3, 11):  # noqa: UP036  pip has not checked it yet
        raise SystemExit(
            f"Python {sys.version.split()[0]} is too old: use 3.11, the reference, or newer"
        )
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise SystemExit(
            "no C++ compiler found: install one (Debian: apt-get install g++) and try again"
        )
    _say(f"making {folder}")
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"

    _step("1/4 torch and torchvision", "2 minutes, 5 GB")
    _pip(python, "install", "--upgrade", "pip", "setuptools<81", "wheel", "ninja", "packaging")
    _pip(python, "install", "torch", "torchvision", "numpy")
    _step(
        "2/4 mmcv with its operators",
        "10 seconds if built before for this torch, else 14 to 25 minutes on 2 cores",
    )
    _pip(python, "install", str(_mmcv_wheel(python)))
    _step("3/4 OpenMMLab, the suite's libraries and this checkout, with its solver", "2 minutes")
    _pip(python, "install", "--editable", f"{ROOT}[suite,test]")
    _step("4/4 check that mmcv's operators and the solver load", "10 seconds")
    check = subprocess.run(
        [python, "-c", "from mmcv.ops import nms; import lvmmed_backbones.matching"],
        capture_output=True,
        text=True,
    )
    if check.returncode:
        kept = CACHE / "wheels"
        raise SystemExit(
            f"all is installed, but mmcv's operators or the solver do not load:\n{check.stderr}\n"
            f"Remove {kept} and {folder}, see that a C++ compiler is installed, and run this again."
        )
    stamp.write_text(_wanted())
    _say(f"done: {folder}")
    return 0


def _wanted() -> str:
    """Return a checksum of everything that decides what is installed."""
    core = sorted((ROOT / "lvmmed_backbones" / "matching" / "core").iterdir())
    files = (CONSTRAINTS, ROOT / "pyproject.toml", ROOT / "CMakeLists.txt", *core, Path(__file__))
    return hashlib.sha256(
        b"".join(f.read_bytes() for f in files) + sys.version.encode()
    ).hexdigest()


def _mmcv_wheel(python: Path) -> Path:
    """Return the wheel of the pinned mmcv for the installed torch; build it if it is missing."""
    (version,) = re.findall(r"^mmcv==(\S+)$", CONSTRAINTS.read_text(), re.MULTILINE)
    query = (
        "import json, sys, sysconfig, torch;"
        "print(json.dumps([torch.__version__, torch.cuda.is_available(),"
        " sys.implementation.cache_tag, sysconfig.get_platform()]))"
    )
    torch, cuda, tag, platform = json.loads(subprocess.check_output([python, "-c", query]))
    shelf = CACHE / "wheels" / f"torch-{torch}-{'cuda' if cuda else 'cpu'}-{tag}-{platform}"
    built = sorted(shelf.glob(f"mmcv-{version}-*.whl"))
    if not built:
        _build_mmcv(python, version, shelf)
        built = sorted(shelf.glob(f"mmcv-{version}-*.whl"))
    return built[-1]


def _build_mmcv(python: Path, version: str, shelf: Path) -> None:
    """Build mmcv's wheel into `shelf`, and say how many files are compiled.

    Raises
    ------
    SystemExit
        With the end of the compiler's log, if the build fails or made no operators.
    """
    shelf.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="mmcv-", dir=shelf.parent))
    log = scratch / "build.log"
    flags = ("--verbose", "--no-deps", "--no-cache-dir", "--no-build-isolation")
    command = [str(python), "-m", "pip", "wheel", *flags, "--wheel-dir", str(scratch)]
    environment = {**os.environ, "MMCV_WITH_OPS": "1", "MAX_JOBS": str(os.cpu_count())}
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"  # ninja lies there
    start = time.monotonic()
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*command, f"mmcv=={version}"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as build,
    ):
        for line in build.stdout or ():
            file.write(line)
            if match := re.search(r"^\s*\[(\d+)/(\d+)\]", line):
                done, total = map(int, match.groups())
                minutes = (time.monotonic() - start) / 60
                left = minutes / done * (total - done)
                _say(f"compiled {done} of {total} files, {minutes:.1f} min, about {left:.0f} left")
    wheels = list(scratch.glob("mmcv-*.whl"))
    if build.returncode or not wheels:
        end = "\n".join(log.read_text().splitlines()[-40:])
        raise SystemExit(f"building mmcv failed; the end of {log}:\n{end}")
    if wheels[0].stat().st_size < 4 << 20:  # 1 MB without the operators, 30 MB with them
        raise SystemExit(f"mmcv was built without its operators: see {log}")
    log.unlink()
    shutil.rmtree(shelf, ignore_errors=True)
    scratch.rename(shelf)


def _pip(python: Path, verb: str, *arguments: str) -> None:
    flags = ("--disable-pip-version-check", "--constraint", str(CONSTRAINTS))
    if subprocess.run([str(python), "-m", "pip", verb, *flags, *arguments]).returncode:
        raise SystemExit(
            f"pip {verb} {' '.join(arguments)} failed: its message is above. Mend that and run this again."
        )


def _step(name: str, duration: str) -> None:
    _say(f"step {name} (about {duration})")


def _say(message: str) -> None:
    print(f"[install] {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
