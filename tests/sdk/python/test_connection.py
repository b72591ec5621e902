"""The life of an MQTT connection, as azure-iot-device lives it."""

import base64
import threading

import pytest
from azure.iot.device import Message
from azure.iot.device.exceptions import CredentialError

from eventually import eventually
from mqtt_socket import break_connection, local_address, wait_for_new_connection
from patches import Patches
from twin_patch import desired


def set_status(service, device_id, status):
    identity = service.get_device(device_id)
    pair = identity.authentication.symmetric_key
    service.update_device_with_sas(device_id, identity.etag, pair.primary_key, pair.secondary_key, status)


def test_both_keys_of_a_device_open_a_connection(service, device, connect, client_of):
    connect(device).disconnect()
    secondary = service.get_device(device.device_id).authentication.symmetric_key.secondary_key
    client = client_of(device, key=secondary)
    client.connect()
    assert client.connected


@pytest.mark.parametrize("kind", ["device", "module"])
def test_a_wrong_key_is_refused(kind, request, client_of):
    registered = request.getfixturevalue(kind)
    with pytest.raises(CredentialError):
        client_of(registered, key=base64.b64encode(b"x" * 32).decode()).connect()


def test_a_device_s_key_does_not_open_its_module(device, module, client_of):
    with pytest.raises(CredentialError):
        client_of(module, key=device.key).connect()


def test_an_unknown_device_is_refused(service, device, client_of):
    service.delete_device(device.device_id)
    with pytest.raises(CredentialError):
        client_of(device).connect()


def test_a_disabled_device_loses_its_link_and_gets_no_other_until_it_is_enabled(service, device, connect, client_of):
    client = connect(device)
    set_status(service, device.device_id, "disabled")
    eventually(lambda: not client.connected, "the link is dropped")
    # A client of its own: the first one may be in the middle of an attempt to come back.
    with pytest.raises(CredentialError):
        client_of(device).connect()
    set_status(service, device.device_id, "enabled")
    assert connect(device).connected


def test_a_deleted_device_loses_its_link_and_its_modules_theirs(service, device, module, connect, client_of):
    clients = [connect(device), connect(module)]
    service.delete_device(device.device_id)
    eventually(lambda: not any(client.connected for client in clients), "the links are dropped")
    for registered in (device, module):
        with pytest.raises(CredentialError):
            client_of(registered).connect()


def test_deleting_a_module_leaves_its_device_connected(service, device, module, connect):
    device_client, module_client = connect(device), connect(module)
    service.delete_module(module.device_id, module.module_id)
    eventually(lambda: not module_client.connected, "the module's link is dropped")
    device_client.patch_twin_reported_properties({"still": "here"})
    assert service.get_twin(device.device_id).properties.reported["still"] == "here"


def test_a_newer_connection_of_the_same_device_takes_over(service, device, connect):
    # Without retries: two clients that both reconnect would take over from each other for ever.
    older = connect(device, connection_retry=False)
    newer = connect(device, connection_retry=False)
    eventually(lambda: not older.connected, "the older connection is closed")
    patches = Patches(newer)
    service.update_twin(device.device_id, desired(a=1))
    patches.wait_for("a", 1)
    assert newer.connected


def test_the_registry_shows_who_is_connected(service, device, connect):
    assert service.get_device(device.device_id).connection_state == "Disconnected"
    client = connect(device)
    assert service.get_device(device.device_id).connection_state == "Connected"
    client.disconnect()
    eventually(
        lambda: service.get_device(device.device_id).connection_state == "Disconnected", "the registry shows the end"
    )


def test_a_subscription_outlives_a_broken_connection(service, module, connect):
    # After a drop the SDK connects with clean session 0 and does not subscribe again.
    patches = Patches(connect(module))
    break_connection(module.client_id)
    eventually(
        lambda: service.get_module(module.device_id, module.module_id).connection_state == "Connected",
        "the module is connected again",
    )
    service.update_module_twin(module.device_id, module.module_id, desired(after="the drop"))
    patches.wait_for("after", "the drop")


def test_a_subscription_outlives_disconnect_and_connect(service, device, connect):
    client = connect(device)
    patches = Patches(client)
    for n in range(5):
        client.disconnect()
        client.connect()
        service.update_twin(device.device_id, desired(n=n))
        patches.wait_for("n", n)


def test_a_subscription_outlives_the_renewal_of_the_token(service, module, connect):
    # The SDK renews 120 s before a token's end: with 125 s to live, after 5 s, over a new connection.
    patches = Patches(connect(module, sastoken_ttl=125))
    wait_for_new_connection(module.client_id, local_address(module.client_id), seconds=30)
    service.update_module_twin(module.device_id, module.module_id, desired(after="renewal"))
    patches.wait_for("after", "renewal")


def test_a_request_after_a_broken_connection_is_answered(device, connect):
    client = connect(device)
    client.get_twin()
    break_connection(device.client_id)
    client.patch_twin_reported_properties({"after": "the drop"})
    assert client.get_twin()["reported"]["after"] == "the drop"


def test_keep_alive_pings_hold_an_idle_connection(device, connect):
    client = connect(device, keep_alive=1)
    before = local_address(device.client_id)
    # Well past 1.5 times the keep-alive, when the hub would close a silent connection.
    dropped = threading.Event()
    client.on_connection_state_change = lambda: dropped.set()
    assert not dropped.wait(4)
    assert local_address(device.client_id) == before


@pytest.mark.parametrize("kind", ["device", "module"])
def test_telemetry_is_acknowledged(kind, request, connect):
    client = connect(request.getfixturevalue(kind))
    message = Message('{"temperature": 21.5}', message_id="id 1/2", content_type="application/json")
    message.content_encoding = "utf-8"
    message.correlation_id = "a&b=c"
    message.custom_properties["percent % and ü"] = "slash / question ? hash #"
    client.send_message(message)  # returns at the hub's PUBACK
    client.send_message("plain text")
    client.send_message(b"")
    assert client.connected


def test_telemetry_of_the_largest_size_is_acknowledged(device, connect):
    client = connect(device)
    before = local_address(device.client_id)
    client.send_message(b"x" * (255 * 1024))
    assert local_address(device.client_id) == before


def test_many_messages_in_flight_are_all_acknowledged(device, connect):
    client = connect(device)
    senders = [threading.Thread(target=client.send_message, args=(f"message {n}",)) for n in range(100)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert not any(sender.is_alive() for sender in senders)


def test_a_module_s_output_message_is_acknowledged(module, connect):
    client = connect(module)
    client.send_message_to_output("to an output", "output1")
    assert client.connected
