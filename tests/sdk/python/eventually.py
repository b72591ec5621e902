"""Waiting for what another process does."""

import os
import time

# Under sanitizers everything is several times slower.
SLOWNESS = 5 if os.environ.get("IOTHUB_TEST_SLOW") == "1" else 1


def eventually(condition, what, seconds=20):
    """Returns the condition's first true value; fails, naming `what`, when it stays false for so long."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds * SLOWNESS} s"
        time.sleep(0.02)
