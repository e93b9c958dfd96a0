"""What can go wrong with files, one operation after another: a kill, or a disk that is full from there on.

Python tells an audit hook of every file that is opened for writing and of every name that is made, moved or removed.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path

KILLED = 97  # the exit status of a process that ended as by SIGKILL: nothing after it ran
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
AT_ARGUMENT = {"os.mkdir": 2, "os.remove": 1, "os.rmdir": 1, "os.rename": 2, "os.link": 2, "os.symlink": 2}  # dir_fd


class Fault:
    """Counts this process's operations below `folder`; at number `at` it kills the process, or the disk is full.

    kind: "kill", before the operation, but a file that was to be written is there and empty; "full", where from then on
    no file and no folder can be made. within_hidden: whether what happens inside a hidden folder counts.
    """

    def __init__(self, folder: Path, at: int = 0, kind: str = "kill", within_hidden: bool = True) -> None:
        self.folder, self.at, self.kind, self.within_hidden = folder.resolve(), at, kind, within_hidden
        self.operations: list[str] = []
        self._turn, self._own = threading.RLock(), False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if event != "open" and event not in AT_ARGUMENT:
            return
        with self._turn:
            path = None if self._own else self._changed(event, arguments)
            if path is None:
                return
            self.operations.append(f"{event} {path.relative_to(self.folder)}")
            number = len(self.operations)
            if not self.at or number < self.at:
                return
            if number == self.at and event == "open":
                self._empty(path, arguments[2])
            if self.kind == "kill":
                os._exit(KILLED)
            if event in ("open", "os.mkdir"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def _changed(self, event: str, arguments: tuple) -> Path | None:
        """The path that the operation changes, if it is one of ours and anything comes of it."""
        named = arguments[0]
        if isinstance(named, int) or (event == "open" and not (arguments[2] or 0) & WRITES):
            return None
        path = Path(os.fsdecode(named))
        at = arguments[AT_ARGUMENT[event]] if event != "open" else -1
        if at not in (None, -1):
            path = Path(Path(f"/proc/self/fd/{at}").readlink(), path)
        path = Path(os.path.abspath(path))  # noqa: PTH100  # a link itself, not what it leads to
        if not path.is_relative_to(self.folder):
            return None
        hidden = any(part.startswith((".new-", ".old-")) for part in path.relative_to(self.folder).parts[:-1])
        there = os.path.lexists(path)
        idle = there if event == "os.mkdir" else not there and event in ("os.remove", "os.rmdir", "os.rename")
        return None if idle or (hidden and not self.within_hidden) else path

    def _empty(self, path: Path, flags: int) -> None:
        """What is left of a file that was opened for writing and not yet written."""
        self._own = True
        if flags & os.O_TRUNC or not path.exists():
            os.close(os.open(path, flags & ~os.O_EXCL, 0o666))
        self._own = False
