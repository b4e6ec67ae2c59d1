"""SIGINT and SIGTERM, heard from the first line of a process on. Imports nothing heavy, so that it can be that line.

The handlers only note the signal; whoever waits is woken through a pipe, which works in whichever thread the kernel
delivers the signal. (Blocking the signals and waiting in sigwait() does not: NumPy's threads exist before anybody can
block anything, and one of them would get a signal during the start.)
"""

from __future__ import annotations

import os
import signal
import threading

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """The wish to end this process. A second signal after `wait` has returned ends it at once."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(write, False)  # as set_wakeup_fd() demands
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)

    def wait(self) -> None:
        """Until a signal comes; at once if one came before."""
        os.read(self._read, 1)
        threading.Thread(target=self._end_at_the_next, name="second signal", daemon=True).start()

    def _end_at_the_next(self) -> None:
        os.read(self._read, 1)
        os._exit(1)
