"""Devices over plain HTTPS, as the node, Java, C# and C SDKs speak it; Python's SDK has no such transport, so requests."""

import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
import time
from urllib.parse import quote

import pytest
import requests


def sas(resource, key, policy=None, expiry=None):
    resource = quote(resource, safe="")
    expiry = int(time.time()) + 600 if expiry is None else expiry
    digest = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    token = f"SharedAccessSignature sr={resource}&sig={quote(base64.b64encode(digest), safe='')}&se={expiry}"
    return token + (f"&skn={policy}" if policy else "")


@pytest.fixture
def send(hub, device):
    """Posts to the device's events; the answer."""

    def post(body, token=None, device_id=device.device_id, **headers):
        path = f"/devices/{device_id}/messages/events"
        token = token or sas(f"{hub.host}/devices/{device.device_id}", device.key)
        return requests.post(
            f"https://{hub.host}:{hub.ports['https']}{path}?api-version=2020-09-30",
            data=body,
            headers={"Authorization": token, "iothub-to": path, **headers},
            timeout=20,
        )

    return post


@pytest.fixture
def stored(hub, device):
    """What the hub holds of the device's telemetry: (body, properties), read from its database."""

    def read():
        with contextlib.closing(sqlite3.connect(f"file:{hub.data / 'hub.db'}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'event_[0-9]*'")
            return [
                (bytes(body), json.loads(properties or "[]"))
                for (table,) in tables.fetchall()
                for body, properties in database.execute(
                    f"SELECT body, properties FROM {table} WHERE device_id = ? ORDER BY sequence_number",
                    (device.device_id,),
                )
            ]

    return read


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
