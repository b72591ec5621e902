"""Devices and modules with a token of a shared access policy that has DeviceConnect, as protocol gateways use it."""

import json

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.exceptions import CredentialError

from device_http import HttpDevice
from sas_token import sas
from twin_patch import read_twin


@pytest.fixture
def token(hub):
    def create(registered, policy):
        key = hub.connection_string(policy).split("SharedAccessKey=")[1]
        module = f"/modules/{registered.module_id}" if registered.module_id else ""
        return sas(f"{hub.host}/devices/{registered.device_id}{module}", key, policy)

    return create


@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "websocket"])
@pytest.mark.parametrize("kind", ["device", "module"])
def test_a_policy_with_device_connect_opens_any_identity(service, request, token, kind, websockets):
    registered = request.getfixturevalue(kind)
    cls = IoTHubModuleClient if registered.module_id else IoTHubDeviceClient
    client = cls.create_from_sastoken(token(registered, "device"), websockets=websockets)
    try:
        client.connect()
        client.patch_twin_reported_properties({"by": "policy"})
        assert read_twin(service, registered).properties.reported["by"] == "policy"
    finally:
        client.shutdown()

    other = cls.create_from_sastoken(token(registered, "service"), websockets=websockets, connection_retry=False)
    try:
        with pytest.raises(CredentialError):
            other.connect()
    finally:
        other.shutdown()


def test_over_https_too(hub, device, token):
    assert HttpDevice(hub, device.device_id, token(device, "device")).send(b"x").status_code == 204
    refused = HttpDevice(hub, device.device_id, token(device, "registryRead")).send(b"x")
    assert refused.status_code == 401
    assert json.loads(refused.json()["Message"])["errorCode"] == 401002
