"""A process that has imported what the commands import, and forks a command at each order: it saves 5 seconds each.

It reads one order per line from stdin, as JSON, and answers with the id of the command's process. That process is then
a child of the one that adopts orphans: the process of the tests.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys

# ruff: noqa: F401  they are imported for the commands
import sitecustomize

import benchmarks.driver
import benchmarks.execute
import lvmmed_backbones.catalogue.adding
import lvmmed_backbones.command.cli
import lvmmed_backbones.corpus.auditing
import lvmmed_backbones.pretrain.exporting
import lvmmed_backbones.pretrain.running
import reports.cli
import reports.commands


def main() -> None:
    """Serve until stdin ends."""
    gc.freeze()  # commands need not copy what was imported
    while line := sys.stdin.readline():
        reader, writer = os.pipe()
        if os.fork() == 0:
            if process := os.fork():
                os.write(writer, f"{process}\n".encode())
                os._exit(0)
            os.closerange(reader, writer + 1)
            become(json.loads(line))
            return
        os.wait()  # from here on the command is an orphan, adopted
        os.write(1, os.read(reader, 100))
        os.close(reader)
        os.close(writer)


def become(order: dict) -> None:
    """Be the command: in a session of its own, its output in a file."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(file, number)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    if "line" in order:
        os.execv(order["line"][0], order["line"])
    sitecustomize.inject()
    sys.argv = [order["module"], *order["words"]]
    sys.modules.pop(f"{order['module']}.__main__", None)  # it is run anew, as by `python -m`
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
