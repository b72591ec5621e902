"""`scenario run FILE -- PROGRAM` with the real device SDK as the program: the scenario judges what the hub saw of it."""

import json
import sys

import pytest

DEVICE = """
import os, threading
from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse

client = IoTHubDeviceClient.create_from_connection_string(os.environ["IOTHUB_DEVICE_CONNECTION_STRING"])
told = threading.Event()

def answer(request):
    payload = {"said": request.payload["say"]}
    client.send_method_response(MethodResponse.create_from_method_request(request, 207, payload))
    told.set()

client.on_method_request_received = answer
client.connect()
message = Message('{"temperature": 21.5}', content_encoding="utf-8", content_type="application/json")
message.custom_properties["level"] = "high"
client.send_message(message)
client.patch_twin_reported_properties({"firmware": {"version": 7}})
assert told.wait(30), "nobody called"
client.shutdown()
"""


def scenario(temperature=21.5, firmware=7, said="hello"):
    return {
        "name": "real device",
        "seed": {"devices": [{"deviceId": "d1"}]},
        "steps": [
            {"run": {"device": "d1"}},
            {
                "expect": {
                    "messages": {
                        "device": "d1",
                        "source": "Telemetry",
                        "body": {"temperature": temperature},
                        "properties": {"level": "high"},
                        "system": {"content-type": "application/json"},
                        "count": 1,
                    },
                    "within": "30s",
                }
            },
            {
                "expect": {
                    "twin": {"device": "d1", "path": "/properties/reported/firmware/version", "matches": firmware},
                    "within": "10s",
                }
            },
            {"method": {"device": "d1", "name": "echo", "payload": {"say": "hello"}, "status": 207, "result": {"said": said}}},
            {"expect": {"program": {"status": 0}, "within": "30s"}},
            {"expect": {"connection": {"device": "d1", "state": "disconnected"}}},
        ],
    }


@pytest.fixture
def run(hub, tmp_path):
    """Runs a scenario around the device program, on the well-known ports: the shared hub makes room meanwhile."""
    hub.stop()

    def judge(steps, program=DEVICE):
        file = tmp_path / "device.yaml"
        file.write_text(json.dumps(steps))  # which is YAML, too
        command = ["scenario", "run", file, "--ca-dir", tmp_path / "ca", "--", sys.executable, "-c", program]
        return hub.run(*command)

    yield judge
    hub.start()


def test_a_scenario_passes_when_the_real_device_did_what_it_says(run):
    done = run(scenario())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "wrong, failing",
    [({"firmware": 8}, "/steps/2"), ({"said": "goodbye"}, "/steps/3")],
)
def test_a_scenario_fails_at_the_step_that_the_real_device_did_otherwise(run, wrong, failing):
    done = run(scenario(**wrong))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{failing} (" in done.stdout


def test_a_scenario_fails_by_the_exit_status_of_a_real_device_that_did_all_else(run):
    done = run(scenario(), DEVICE.replace("client.shutdown()", "client.shutdown()\nos._exit(9)"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "/steps/4 (" in done.stdout
    assert "exit status 0, it is 9" in done.stdout
