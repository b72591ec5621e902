"""Exchanges recorded from real hubs, played against this one."""

import subprocess
import sys

import pytest

from eventually import SLOWNESS
from shared_folder import shared

REPLAY = shared("recorded/replay.py")


@pytest.mark.parametrize(
    "case",
    [
        "device-lifecycle",
        "device-twin",
        "device-etag-mismatch",
        "module-lifecycle",
        "module-twin",
        "p-identity-rules",
        "p-twin-merge",
        "bulk-create-delete",
        "query-device-id",
        "configuration-lifecycle",
        "statistics",
    ],
)
def test_a_recorded_exchange_is_answered_as_the_real_hub_did(hub, case):
    done = subprocess.run(
        [sys.executable, REPLAY, "--only", case, "-v"], capture_output=True, text=True, timeout=60 * SLOWNESS
    )
    assert done.returncode == 0, done.stdout + done.stderr
