"""Processes of our own are started whole, or not at all."""

from __future__ import annotations

import os
import signal
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
