"""Microsoft's own tutorial apps, taken out of the tutorial's text and run unchanged."""

import subprocess
import sys

import pytest
from msrest.exceptions import HttpOperationError

from eventually import SLOWNESS, eventually
from shared_folder import shared

EXTRACT = shared("seeds/extract.py")
SEEDS = sorted(EXTRACT.parent.glob("*.txt"))


@pytest.fixture
def without_the_tutorial_s_device(service):
    try:
        service.delete_device("myFirstDevice")
    except HttpOperationError as error:
        if error.response.status_code != 404:
            raise


def printed_by(app):
    done = subprocess.run(
        [sys.executable, "-u", app], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30 * SLOWNESS
    )
    assert done.returncode == 0 and "Unexpected error" not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.stem)
def test_the_tutorial_s_apps_run_unchanged(hub, service, without_the_tutorial_s_device, seed, tmp_path):
    def extract(*module):
        command = [sys.executable, EXTRACT, seed, tmp_path, "--hub", hub.connection_string(), *module]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    extract()
    first = printed_by(tmp_path / "CreateModule.py")
    assert first.count("has primary key = ") == 2
    # The second run is answered with 409 and reads what the first one made.
    assert printed_by(tmp_path / "CreateModule.py") == first

    key = service.get_module("myFirstDevice", "myFirstModule").authentication.symmetric_key.primary_key
    assert key in first
    extract("--module", f"HostName={hub.host};DeviceId=myFirstDevice;ModuleId=myFirstModule;SharedAccessKey={key}")

    output = tmp_path / "received.txt"
    with output.open("w") as file:
        receiver = subprocess.Popen(
            [sys.executable, "-u", tmp_path / "ReceiveModuleTwinDesiredPropertiesPatch.py"],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(
            lambda: service.get_module("myFirstDevice", "myFirstModule").connection_state == "Connected",
            "the receiving app is connected",
        )
        # It subscribes at once after connecting; the next app takes a second to start.
        after = printed_by(tmp_path / "UpdateModuleTwinDesiredProperties.py").split("after update")[1]
        assert "'telemetryInterval': 122" in after
        eventually(lambda: "'telemetryInterval': 122" in output.read_text(), "the receiving app prints the patch")
        assert output.read_text().count("patch received:") == 1
    finally:
        receiver.kill()
        receiver.wait()
