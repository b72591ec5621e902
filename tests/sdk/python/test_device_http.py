"""Devices over plain HTTPS, as the node, Java, C# and C SDKs speak it."""

import base64
import json
import time

import pytest

from device_http import HttpDevice
from sas_token import sas
from stored_telemetry import stored_telemetry


@pytest.fixture
def send(hub, device):
    """Posts to the device's events; the answer."""

    def post(body, token=None, device_id=device.device_id, **headers):
        token = token or sas(f"{hub.host}/devices/{device.device_id}", device.key)
        return HttpDevice(hub, device_id, token).send(body, **headers)

    return post


@pytest.fixture
def stored(hub, device):
    return lambda: stored_telemetry(hub, device.device_id)


def test_telemetry_of_any_bytes(send, stored):
    body = bytes(range(256))
    answer = send(body, **{"iothub-app-level": "high", "iothub-messageid": "m1"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Content-Length"] == "0"
    assert stored() == [(body, [["level", "high"]])]


def test_telemetry_in_chunks_as_node_sends_it(send, stored):
    assert send(iter([b"one ", b"two"])).status_code == 204
    assert stored() == [(b"one two", [])]


def test_batch(send, stored):
    entries = [
        {"body": base64.b64encode(b"a").decode(), "properties": {"iothub-app-n": "1"}},
        {"body": "b", "base64Encoded": False},
    ]
    batch = {"Content-Type": "application/vnd.microsoft.iothub.json"}
    assert send(json.dumps(entries), **batch).status_code == 204
    assert send(json.dumps([*entries, {"body": "?"}]), **batch).status_code == 400
    assert stored() == [(b"a", [["n", "1"]]), (b"b", [])]


def test_who_is_refused(hub, send, stored, device):
    resource = f"{hub.host}/devices/{device.device_id}"
    other_key = base64.b64encode(bytes(32)).decode()
    assert send(b"x", token=sas(resource, other_key)).status_code == 401
    assert send(b"x", token=sas(resource, device.key, expiry=int(time.time()) - 3600)).status_code == 401

    unknown = send(b"x", device_id=device.device_id + "-unknown")
    assert unknown.status_code == 404
    assert unknown.headers["iothub-errorcode"] == "DeviceNotFound"
    assert json.loads(unknown.json()["Message"])["errorCode"] == 404001

    assert send(bytes(256 * 1024 + 1)).status_code == 413
    assert stored() == []
