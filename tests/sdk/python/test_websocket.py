"""azure-iot-device with websockets=True: the same protocol, on port 443."""

import threading

import pytest
from azure.iot.device import Message, MethodResponse
from azure.iot.device.exceptions import CredentialError
from azure.iot.hub.models import CloudToDeviceMethod

from eventually import eventually
from patches import Patches
from twin_patch import desired, read_twin, update_twin


@pytest.fixture(params=["device", "module"])
def registered(request):
    return request.getfixturevalue(request.param)


def invoke(service, registered, method):
    if registered.module_id:
        return service.invoke_device_module_method(registered.device_id, registered.module_id, method)
    return service.invoke_device_method(registered.device_id, method)


def answer_methods(client):
    def answer(request):
        client.send_method_response(MethodResponse.create_from_method_request(request, 200, {"got": request.payload}))

    client.on_method_request_received = answer


def test_telemetry_twin_and_methods(service, registered, connect):
    client = connect(registered, websockets=True)
    for size in (0, 100, 126, 70_000):
        client.send_message(Message("x" * size))
    client.patch_twin_reported_properties({"over": "websocket"})
    assert read_twin(service, registered).properties.reported["over"] == "websocket"
    patches = Patches(client)
    update_twin(service, registered, desired(long="y" * 3000))
    patches.wait_for("long", "y" * 3000)
    assert client.get_twin()["desired"]["long"] == "y" * 3000
    answer_methods(client)
    # The SDK tells of no moment when the subscription is made.
    client.get_twin()
    method = CloudToDeviceMethod(method_name="ask", payload={"n": 1}, response_timeout_in_seconds=10)
    answer = invoke(service, registered, method)
    assert (answer.status, answer.payload) == (200, {"got": {"n": 1}})


def test_a_wrong_key_is_refused(module, device, client_of):
    with pytest.raises(CredentialError):
        client_of(module, key=device.key, websockets=True).connect()


def test_it_connects_again_by_itself_after_a_drop(service, device, connect):
    client = connect(device, websockets=True)
    patches = Patches(client)
    dropped = threading.Event()
    client.on_connection_state_change = lambda: client.connected or dropped.set()
    # A newer link of the device takes over, then leaves.
    newer = connect(device, websockets=True, connection_retry=False)
    assert dropped.wait(10)
    newer.disconnect()
    eventually(lambda: client.connected, "the client is connected again")
    service.update_twin(device.device_id, desired(after="the drop"))
    patches.wait_for("after", "the drop")


def test_a_restarted_hub_is_found_again(hub_process, service, device, connect):
    client = connect(device, websockets=True)
    hub_process.stop()
    hub_process.start()
    eventually(lambda: client.connected, "the client is connected again")
    client.patch_twin_reported_properties({"again": True})
    assert service.get_twin(device.device_id).properties.reported["again"] is True
