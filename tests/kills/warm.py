"""A process in which everything is imported and nothing has run: each command is a fork of it.

Reads a request a line, {folder, command, at, kind, within_hidden}; answers with {status, said, operations}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from faults import Fault

warnings.simplefilter("ignore")


class Answered:
    """A result that is there already."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        return self.value


class Here:
    """Stands for Dask's client: what it is given runs in this process, where the faults are."""

    dashboard_link = ""

    def submit(self, function: Callable, *arguments: Any, pure: bool = True) -> Answered:
        return Answered(function(*arguments))

    def subscribe_topic(self, *_: Any) -> None: ...

    def unsubscribe_topic(self, *_: Any) -> None: ...


@contextmanager
def connected(*_: Any) -> Iterator[Here]:
    yield Here()


def spread(client: Here, function: Callable, tasks: Any) -> Iterator[tuple]:
    for task in tasks:
        yield task, client.submit(function, *task)


def child(request: dict, answer: int) -> None:
    """Run the command as `apical` would, in its folder; tell how it ended."""
    os.chdir(request["folder"])
    said = os.memfd_create("said")
    os.dup2(said, 1)
    os.dup2(said, 2)
    from apical.cli.__main__ import main

    fault = Fault(Path.cwd(), request["at"], request["kind"], request["within_hidden"])
    try:
        status = main(request["command"].split())
    except BaseException:
        traceback.print_exc()
        status = 1
    fault._own = True
    sys.stdout.flush()
    sys.stderr.flush()
    told = os.pread(said, 1_000_000, 0).decode()
    ended = {"status": status, "said": told, "operations": fault.operations, "modules": sorted(sys.modules)}
    with os.fdopen(answer, "w") as file:
        json.dump(ended, file)


def run(request: dict) -> dict:
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(here)
        child(request, there)
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as answer:
        told = answer.read()
    _, status = os.waitpid(pid, 0)
    if not told:
        return {"status": os.waitstatus_to_exitcode(status), "said": "", "operations": []}
    ended = json.loads(told)
    for name in ended.pop("modules"):  # what a command imports in its functions: the next one finds it here
        if name not in sys.modules:
            with suppress(ImportError):
                importlib.import_module(name)
    return ended


def main() -> None:
    import torch
    from typer.main import get_command

    from apical.cli import app
    from apical.simulate.run import dataset, noise_floor
    from apical.simulate.run import spread as spreading

    torch.set_num_threads(1)
    app.app = get_command(app.app)
    gc.disable()
    dataset.connected = noise_floor.connected = connected
    spreading.spread = spread
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
