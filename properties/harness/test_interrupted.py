"""An interrupt that is lost where exceptions are forgotten comes again until it is heard."""

from __future__ import annotations

import subprocess
import sys

LOST = """
import signal, time
from bpcheck.interrupted import heard, interrupt

class Finalized:
    def __del__(self):
        interrupt()

Finalized()
try:
    time.sleep(20)
except KeyboardInterrupt:
    heard()
    print("heard")
time.sleep(0.7)
print("once")
"""


def test_an_interrupt_that_a_finalizer_swallows_is_raised_again_and_heard_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST], capture_output=True, text=True, check=False, timeout=15
    )
    assert done.stdout.split() == ["heard", "once"], done.stderr
    assert done.returncode == 0
