"""Reset, snapshots and explanations, with real SDKs that look on."""

import json
import time

import pytest

from azure.iot.hub import IoTHubRegistryManager

from control.control_api import ControlApi
from eventually import eventually


@pytest.fixture
def control(start_fresh_hub):
    return ControlApi(start_fresh_hub().ports["portal"])


def test_a_reset_makes_the_hub_as_new_in_milliseconds(control, service, device, connect):
    client = connect(device)
    client.send_message("1")
    begun = time.monotonic()
    control.post("reset", status=204)
    assert time.monotonic() - begun < 0.5
    assert service.get_devices() == []
    assert control.get("messages")["messages"] == []
    eventually(lambda: not client.connected, "the device's link ends")


def test_a_reset_may_keep_links(control, service, device, connect):
    service.create_device_with_sas("away", "", "", "enabled")
    client = connect(device)
    patches = []
    client.on_twin_desired_properties_patch_received = patches.append
    client.patch_twin_reported_properties({"r": 1})
    twin = service.get_twin(device.device_id)
    twin.properties.desired = {"a": 1}
    service.update_twin(device.device_id, twin, twin.etag)
    eventually(lambda: len(patches) == 1, "the first patch comes")
    control.post("reset", {"links": "keep"}, status=204)
    eventually(lambda: len(patches) == 2, "the device is told that its desired properties went")
    assert patches[1]["a"] is None
    assert [each.device_id for each in service.get_devices()] == [device.device_id]
    client.send_message("still here")
    assert control.get("messages")["messages"][0]["body"] == "still here"
    assert "r" not in service.get_twin(device.device_id).properties.reported


def test_one_device_is_reset_and_keeps_its_key(control, service, device, connect):
    client = connect(device)
    client.patch_twin_reported_properties({"r": 1})
    service.create_device_with_sas("other", "", "", "enabled")
    control.post("reset", {"device": device.device_id}, status=204)
    assert "r" not in service.get_twin(device.device_id).properties.reported
    assert service.get_device("other").device_id == "other"
    client.send_message("the same key")
    assert control.post("reset", {"device": "stranger"}, status=404)["error"]["name"] == "DeviceNotFound"
    assert control.post("reset", {"devise": "d"}, status=400)["error"]["message"] == "there is no argument 'devise'"


def test_a_snapshot_brings_the_hub_back(control, service, device, connect, read_events):
    client = connect(device)
    client.patch_twin_reported_properties({"r": 1})
    control.request("PUT", "snapshots/before", 201)
    reader = read_events(device=device.device_id)
    client.patch_twin_reported_properties({"r": 2})
    service.create_device_with_sas("later", "", "", "enabled")

    control.post("snapshots/before/restore", status=204)
    eventually(lambda: "disconnected" in reader.names(device.device_id), "links are closed")
    assert [each.device_id for each in service.get_devices()] == [device.device_id]
    assert service.get_twin(device.device_id).properties.reported["r"] == 1
    client.send_message("again")

    assert [each["name"] for each in control.get("snapshots")["snapshots"]] == ["before"]
    control.delete("snapshots/before")
    assert control.get("snapshots")["snapshots"] == []
    assert control.post("snapshots/before/restore", status=404)
    assert control.request("PUT", "snapshots/..%2Fx", 400)["error"]["name"] == "ArgumentInvalid"


def test_snapshots_of_a_hub_on_the_disk_outlast_a_restart(hub, name):
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    service.create_device_with_sas(name, "", "", "enabled")
    ControlApi(hub.ports["portal"]).request("PUT", "snapshots/kept", 201)
    service.delete_device(name)
    hub.stop()
    hub.start()
    control = ControlApi(hub.ports["portal"])
    control.post("snapshots/kept/restore", status=204)
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    assert service.get_device(name).device_id == name
    hub.stop()
    hub.start()
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    assert service.get_device(name).device_id == name
    service.delete_device(name)
    ControlApi(hub.ports["portal"]).delete("snapshots/kept")


def test_explain_tells_why_a_device_and_a_service_were_refused(control, service, device, client_of):
    with pytest.raises(Exception):
        client_of(device, key="d3Jvbmcga2V5", connection_retry=False).connect()
    refusal = control.get("explain", device=device.device_id)["refusals"][0]
    assert (refusal["protocol"], refusal["operation"]) == ("mqtt", "connect")
    assert "signature" in refusal["reason"]

    with pytest.raises(Exception):
        service.get_twin("stranger")
    refusal = control.get("explain", device="stranger")["refusals"][0]
    assert (refusal["protocol"], refusal["name"]) == ("http", "DeviceNotFound")
    assert "create the device first" in refusal["hint"]


def test_explain_evaluates_a_query_or_says_what_is_wrong_with_it(control, device):
    answer = control.post("explain/query", {"query": "SELECT deviceId FROM devices"})
    assert answer["valid"] is True
    assert {"deviceId": device.device_id} in answer["items"]
    wrong = control.post("explain/query", {"query": "SELECT * FORM devices"})
    assert wrong["valid"] is False
    assert "FROM" in json.dumps(wrong)
