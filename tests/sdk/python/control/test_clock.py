"""The hub's time in the test's hand: what waits moves with it."""

import threading
import time

import pytest
from azure.iot.hub.models import CloudToDeviceMethod

from control.control_api import ControlApi
from eventually import eventually


@pytest.fixture
def clock(control):
    yield control
    control.post("clock/resume", {"real": True, "sasExpiry": False})


def seconds(control):
    from datetime import datetime

    return datetime.fromisoformat(control.get("clock")["time"].replace("Z", "")[:19]).timestamp()


def test_the_clock_freezes_moves_and_follows_the_machine_s_again(clock):
    assert clock.get("clock")["frozen"] is False
    at = clock.post("clock/freeze")
    assert at["frozen"] is True
    time.sleep(0.05)
    assert clock.get("clock")["time"] == at["time"]
    before = seconds(clock)
    clock.post("clock/advance", {"by": "1h"})
    assert seconds(clock) == before + 3600
    assert clock.post("clock/set", {"to": "2030-01-02T03:04:05Z"})["time"] == "2030-01-02T03:04:05Z"
    assert clock.post("clock/resume")["frozen"] is False
    assert clock.get("clock")["time"].startswith("2030-01-02T03:04")
    assert abs(clock.post("clock/resume", {"real": True})["offsetSeconds"]) < 1
    assert clock.post("clock/advance", {"by": "soon"}, status=400)
    assert clock.post("clock/set", {"to": "noon"}, status=400)


def test_a_frozen_clock_keeps_a_message_alive_past_its_ttl_and_advancing_expires_it(clock, service, device, read_events):
    """Feedback of full acknowledgement: what the service's feedback receiver is given after an hour of waiting."""
    from azure.iot.hub.iothub_registry_manager import IoTHubRegistryManager  # noqa: F401 (the SDK under test)

    reader = read_events(device=device.device_id)
    clock.post("clock/freeze")
    expiry = int((time.time() + 2) * 1000)
    service.send_c2d_message(
        device.device_id, "short-lived", {"messageId": "m-1", "ack": "full", "expiryTimeUtc": expiry}
    )
    assert service.get_device(device.device_id).cloud_to_device_message_count == 1
    time.sleep(3)  # past the expiry, by every other clock
    assert service.get_device(device.device_id).cloud_to_device_message_count == 1
    assert "c2d-expired" not in reader.names(device.device_id)
    clock.post("clock/advance", {"by": "1h"})
    eventually(lambda: "c2d-expired" in reader.names(device.device_id), "the message expires")
    assert service.get_device(device.device_id).cloud_to_device_message_count == 0


def test_a_method_times_out_when_the_clock_says_so(clock, service, device, connect):
    client = connect(device)
    client.on_method_request_received = lambda request: None  # never answers
    eventually(lambda: client.connected, "the device is connected")
    clock.post("clock/freeze")
    outcome = []

    def call():
        try:
            service.invoke_device_method(
                device.device_id, CloudToDeviceMethod(method_name="m", response_timeout_in_seconds=5)
            )
        except Exception as error:
            outcome.append(str(error))

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    time.sleep(6)
    assert outcome == []
    clock.post("clock/advance", {"by": "5s"})
    eventually(lambda: outcome, "the call ends", 5)
    assert "Timed out" in outcome[0] or "504" in outcome[0] or "Gateway" in outcome[0]


def test_sas_expiry_follows_the_machine_s_time_unless_the_clock_is_to_rule(clock, service, device, connect):
    client = connect(device)
    clock.post("clock/advance", {"by": "2d"})
    client.send_message("still here")
    service.get_device(device.device_id)
    clock.post("clock/advance", {"by": "1s", "sasExpiry": True})
    with pytest.raises(Exception):
        service.get_device(device.device_id)
    refusal = clock.get("explain")["refusals"][0]
    assert "expired" in refusal["reason"]


def test_a_refused_move_leaves_the_rule_of_sas_expiry(clock):
    clock.post("clock/set", {"to": "then", "sasExpiry": True}, status=400)
    assert clock.get("clock")["rulesSasExpiry"] is False
