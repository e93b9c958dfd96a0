"""Ctrl-C, at whatever moment it comes: one line, nothing after it, and exit status 130.

The first one unwinds the command, so that it can tidy up, and from then on nobody else is heard: neither loggers nor
libraries that swallow the exception nor the code that compiles or trains in the meantime. The end comes with the
command's, and after GRACE_S or with a second Ctrl-C at the latest, wherever it is: files are whole at every moment.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from contextlib import suppress

INTERRUPTED = 130  # 128 + SIGINT, as shells count; typer returns it too
SAID = "stopped; what was written is kept, and the same command goes on, with --resume if it has that"
GRACE_S = 2.0  # temporary folders are removed and workers of Dask let go in less than one (measured)
CLEAR = "\r\x1b[2K\x1b[?25h"  # a terminal's line, with the bar in it, and the cursor back

_stderr: int | None = None  # once a Ctrl-C has come, where its line goes
_ending = threading.Lock()


def take_over() -> None:
    """Let Ctrl-C end this process so from now on, unless it is to be ignored, as of a job in a shell's background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    here, there = os.pipe()
    os.set_blocking(there, False)
    signal.set_wakeup_fd(there, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(here,), daemon=True).start()
    atexit.register(_last)  # the first to be registered is the last to run
    signal.signal(signal.SIGINT, _first)


def end_if_interrupted() -> None:
    """End the process where a Ctrl-C has come, whatever became of its exception."""
    if _stderr is not None:
        _end()


def _first(*_: object) -> None:
    _hush()
    signal.signal(signal.SIGINT, _end)
    raise KeyboardInterrupt


def _watch(woken: int) -> None:
    """The end at the latest, also where the main thread is in compiled code and has not heard of the signal."""
    while os.read(woken, 1)[0] != signal.SIGINT:
        pass
    time.sleep(GRACE_S)
    _end()


def _last() -> None:
    end_if_interrupted()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done, and Python would soon leave it to the system


def _hush() -> int:
    """Let nothing through to standard error from now on, but what is written to the descriptor that this returns."""
    global _stderr
    if _stderr is None:
        kept = os.dup(2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _stderr = kept
    return _stderr


def _end(*_: object) -> None:
    with suppress(ValueError):  # in another thread than the main one
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not _ending.acquire(blocking=False):
        time.sleep(GRACE_S)  # another thread is about to
    stderr = _hush()
    _kill_processes()
    _remove_temporary()
    clear = CLEAR if os.isatty(stderr) else ""
    os.write(stderr, f"{clear}apical: {SAID}\n".encode())
    os._exit(INTERRUPTED)


def _remove_temporary() -> None:
    from ..simulate.folders import remove_temporary  # not needed before

    remove_temporary()


def _kill_processes() -> None:
    """All that descend from this one, but Python's own that removes what killed ones leave: it ends by itself."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "multiprocessing.resource_tracker" not in " ".join(process.cmdline()):
                process.kill()
