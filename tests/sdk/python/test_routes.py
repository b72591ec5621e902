"""Routes of a hub of its own: telemetry and a twin change arrive in a file in the storage schema."""

import json
import os

import pytest
from azure.iot.device import IoTHubDeviceClient, Message
from azure.iot.hub import IoTHubRegistryManager

from conftest import Registered
from eventually import eventually
from hub_process import HubProcess

ROUTES = {
    "routing": {
        "endpoints": [{"name": "store", "type": "file"}],
        "routes": [
            {
                "name": "hot",
                "source": "DeviceMessages",
                "condition": "level = 'critical' AND $body.temperature > 70",
                "endpointNames": ["store"],
            },
            {"name": "twins", "source": "TwinChangeEvents", "endpointNames": ["store"]},
            {"name": "life", "source": "DeviceLifecycleEvents", "endpointNames": ["store"]},
            {"name": "links", "source": "DeviceConnectionStateEvents", "endpointNames": ["store"]},
        ],
        "enrichments": [{"key": "floor", "value": "$twin.tags.floor", "endpointNames": ["store"]}],
    }
}


@pytest.fixture
def routed(hub_process, tmp_path, monkeypatch):
    """A hub with ROUTES and its file, in place of the one all tests share: the ports are the same."""
    if hub_process.running:
        hub_process.stop()
    stored = tmp_path / "stored.jsonl"
    routes = json.loads(json.dumps(ROUTES))
    routes["routing"]["endpoints"][0]["path"] = str(stored)
    routes_file = tmp_path / "routes.json"
    routes_file.write_text(json.dumps(routes))
    hub = HubProcess(os.environ["IOTHUB_TEST_BINARY"], tmp_path)
    hub.start("--routes", routes_file)
    for name, value in hub.environment().items():
        monkeypatch.setenv(name, value)
    hub.stored = lambda: [json.loads(line) for line in stored.read_text().splitlines()]
    yield hub
    hub.stop()
    hub_process.start()


def test_telemetry_and_hub_events_arrive_in_a_file_endpoint(routed, name):
    service = IoTHubRegistryManager.from_connection_string(routed.connection_string())
    device = Registered(routed, service.create_device_with_sas(name, "", "", "enabled"))
    client = IoTHubDeviceClient.create_from_connection_string(device.connection_string())
    client.connect()

    for temperature in (75, 60):  # the second fits no route but the fallback's
        message = Message(json.dumps({"temperature": temperature}), content_type="application/json")
        message.content_encoding = "utf-8"
        message.message_id = f"m{temperature}"
        message.custom_properties["level"] = "critical"
        client.send_message(message)
    client.patch_twin_reported_properties({"fan": {"speed": 3}})
    client.shutdown()
    eventually(lambda: len(routed.stored()) >= 5, "all events are in the file", 10)

    created, connected, telemetry, twin_change, disconnected = routed.stored()
    assert created["Properties"]["opType"] == "createDeviceIdentity"
    assert created["Body"]["deviceId"] == name and created["Body"]["etag"] == "AAAAAAAAAAE="
    assert connected["Properties"]["opType"] == "deviceConnected"
    assert len(connected["Body"]["sequenceNumber"]) == 64
    assert disconnected["Properties"]["opType"] == "deviceDisconnected"

    assert telemetry["Body"] == {"temperature": 75}
    assert telemetry["Properties"] == {"level": "critical", "floor": "$twin.tags.floor"}
    system = telemetry["SystemProperties"]
    assert system["messageId"] == "m75" and system["connectionDeviceId"] == name
    assert system["contentType"] == "application/json" and system["contentEncoding"] == "utf-8"
    assert json.loads(system["connectionAuthMethod"])["scope"] == "device"
    assert system["enqueuedTime"] == telemetry["EnqueuedTimeUtc"]

    assert twin_change["Properties"]["opType"] == "updateTwin"
    assert twin_change["Properties"]["iothub-message-schema"] == "twinChangeNotification"
    reported = twin_change["Body"]["properties"]["reported"]
    assert reported["fan"] == {"speed": 3} and reported["$version"] == 2
    assert "speed" in reported["$metadata"]["fan"]


def test_wrong_routes_end_the_start_with_the_place_of_the_mistake(routed, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"routes":[{"name":"a","source":"DeviceMessages","endpointNames":["nowhere"]}]}')
    ended = routed.run(
        "exec", "--allow-port-fallback", "--ca-dir", tmp_path / "ca", "--routes", wrong, "--", "true"
    )  # fmt: skip
    assert ended.returncode == 2
    assert "routing.routes[0].endpointNames[0]: there is no endpoint 'nowhere'" in ended.stderr
