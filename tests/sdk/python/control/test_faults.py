"""Faults by rule, as a real SDK meets them."""

import threading
import time

import pytest
import requests
from azure.iot.device.exceptions import NoConnectionError

from eventually import eventually


@pytest.fixture
def faults(control):
    yield control
    control.delete("faults")


def struck(control, rule):
    return next(each["struck"] for each in control.get("faults")["faults"] if each["id"] == rule["id"])


def test_rules_are_added_listed_and_removed(faults):
    rule = faults.post("faults", {"action": "cut", "device": "nobody", "operation": "telemetry", "count": 2}, 201)
    assert faults.get("faults")["faults"] == [rule]
    assert (rule["action"], rule["count"], rule["struck"]) == ("cut", 2, 0)
    faults.delete(f"faults/{rule['id']}x", 404)
    faults.delete(f"faults/{rule['id']}")
    assert faults.get("faults")["faults"] == []
    faults.delete(f"faults/{rule['id']}", 404)
    for wrong in ({"action": "explode"}, {"action": "delay"}, {"action": "cut", "probability": 2}, {"action": "duplicate"}):
        assert faults.post("faults", wrong, 400)["error"]["name"] == "ArgumentInvalid"


def test_a_device_whose_connection_is_cut_reconnects_and_its_message_arrives(faults, device, connect):
    client = connect(device)
    rule = faults.post(
        "faults", {"action": "cut", "device": device.device_id, "operation": "telemetry", "count": 1}, 201
    )
    try:
        client.send_message("after the cut")
    except NoConnectionError:
        pass  # a cut that comes before paho's publish() has returned; paho keeps the message and sends it all the same
    assert struck(faults, rule) == 1
    answer = faults.get("messages", device=device.device_id, wait="30s", count=1)
    assert answer["messages"][0]["body"] == "after the cut"
    eventually(lambda: client.connected, "the device is back")


def test_a_refused_connection_is_tried_again(faults, device, client_of, read_events):
    reader = read_events(device=device.device_id)
    rule = faults.post(
        "faults", {"action": "refuse-connection", "device": device.device_id, "operation": "connect", "count": 1}, 201
    )
    client = client_of(device)
    with pytest.raises(Exception) as refused:
        client.connect()
    assert "broker unavailable" in str(refused.value.__cause__)

    def connected():
        try:
            client.connect()
        except Exception:  # the SDK is not through with the refusal yet
            time.sleep(0.5)
        return client.connected

    eventually(connected, "the device is connected")
    assert struck(faults, rule) == 1
    names = eventually(
        lambda: "connected" in reader.names(device.device_id) and reader.names(device.device_id), "both are told"
    )
    assert [name for name in names if name in ("fault", "connected")][:2] == ["fault", "connected"]


def test_telemetry_is_doubled(faults, device, connect):
    client = connect(device)
    faults.post("faults", {"action": "duplicate", "device": device.device_id, "operation": "telemetry"}, 201)
    client.send_message("1")
    bodies = [each["body"] for each in faults.get("messages", device=device.device_id)["messages"]]
    assert bodies == [1, 1]


def test_a_delay_keeps_a_device_waiting_and_its_packets_in_order(faults, device, connect):
    client = connect(device)
    faults.post(
        "faults", {"action": "delay", "delay": "700ms", "device": device.device_id, "operation": "telemetry", "count": 1}, 201
    )
    begun = time.monotonic()
    senders = [threading.Thread(target=client.send_message, args=(f"{number}",)) for number in range(3)]
    for sender in senders:
        sender.start()
        time.sleep(0.05)
    for sender in senders:
        sender.join()
    assert time.monotonic() - begun > 0.6
    bodies = [each["body"] for each in faults.get("messages", device=device.device_id)["messages"]]
    assert bodies == [0, 1, 2]


def test_twin_requests_are_throttled(faults, device, connect):
    client = connect(device)
    faults.post("faults", {"action": "throttle", "device": device.device_id, "operation": "twin", "count": 1}, 201)
    with pytest.raises(Exception) as throttled:
        client.get_twin()
    assert "429" in str(throttled.value.__cause__)
    client.get_twin()


def test_service_requests_get_a_status_a_delay_or_no_answer(faults, hub, service, device):
    faults.post("faults", {"action": "status", "status": 403, "operation": "get device", "count": 1}, 201)
    with pytest.raises(Exception) as refused:
        service.get_device(device.device_id)
    assert refused.value.response.status_code == 403

    rule = faults.post("faults", {"action": "status", "status": 503, "operation": "get device", "count": 2}, 201)
    assert service.get_device(device.device_id).device_id == device.device_id  # the SDK tries again
    assert struck(faults, rule) == 2

    faults.post("faults", {"action": "delay", "delay": "600ms", "operation": "get device", "count": 1}, 201)
    begun = time.monotonic()
    service.get_device(device.device_id)
    assert time.monotonic() - begun > 0.5

    faults.post("faults", {"action": "cut", "operation": "get device", "count": 1}, 201)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"https://localhost/devices/{device.device_id}?api-version=2021-04-12", timeout=5)
    service.get_device(device.device_id)
