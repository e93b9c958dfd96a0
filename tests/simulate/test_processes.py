"""Processes of our own are started whole, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from apical.simulate.processes import apart, uninterrupted
from apical.simulate.schema import InputError


def test_an_interrupt_waits_though_another_thread_takes_the_signal():
    """Python interrupts the main thread whichever heard of the signal, so that blocking it there is not enough."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    before, over, reached = signal.set_wakeup_fd(told), threading.Event(), False
    threading.Thread(target=over.wait).start()
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            os.read(heard, 1)  # the other thread has heard
            reached = True
        assert reached
    finally:
        signal.set_wakeup_fd(before)
        over.set()
        os.close(heard)
        os.close(told)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_is_there_for_one_call():
    assert apart(os.getpid) != os.getpid()
    assert apart(signal.pthread_sigmask, signal.SIG_BLOCK, []) == {signal.SIGINT}
    with pytest.raises(InputError, match="a worker process died"):
        apart(os._exit, 1)
    with pytest.raises(FileNotFoundError):
        apart(os.stat, "nothing")


UNGUARDED = {
    "apart": "import os; from apical.simulate.processes import apart; apart(os.getpid)",
    "dask": "from apical.simulate import preset, simulate; simulate(preset('lif'), 'a.zarr', 2, workers=2)",
}


@pytest.mark.parametrize("how", ["apart", pytest.param("dask", marks=pytest.mark.slow)])
def test_a_script_that_does_not_guard_its_calls_is_told_so(tmp_path, how):
    """Each process would import it, and start processes of its own."""
    (tmp_path / "script.py").write_text(UNGUARDED[how])
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert "the worker processes did not start: each imports the script" in last
    assert last.endswith('whose calls belong under if __name__ == "__main__":')
    assert done.stderr.count("Traceback") == 1
    assert done.returncode == 1
