"""What azure-iot-device lives through while the network between it and the hub drops packets."""

import threading

import pytest

from eventually import eventually
from mqtt_socket import in_flight, local_address, received_flags
from network import Network, own_network
from patches import Patches
from stored_telemetry import stored_telemetry
from twin_patch import desired, read_twin, update_twin

own_network_only = pytest.fixture(autouse=True)(lambda: own_network())


@pytest.fixture(params=[False, True], ids=["mqtt", "websocket"])
def websockets(request):
    return request.param


@pytest.fixture
def network(websockets):
    network = Network(443 if websockets else 8883)
    yield network
    network.restore()


@pytest.fixture(params=["device", "module"])
def registered(request):
    return request.getfixturevalue(request.param)


def send_all(client, bodies):
    """In threads, as sending blocks; returns them."""
    senders = [threading.Thread(target=client.send_message, args=(body,), daemon=True) for body in bodies]
    for sender in senders:
        sender.start()
    return senders


def join(senders):
    for sender in senders:
        sender.join(30)
    assert not any(sender.is_alive() for sender in senders)


def send_into_silence(client, registered):
    """A message that the SDK has sent and the network has not carried; its sender."""
    sender = send_all(client, ["under way"])
    eventually(lambda: in_flight(registered.client_id) == 1, "the message is under way")
    return sender


def lose_link(network, client):
    """Returns once the SDK knows. It must have sent something, or it would hear nothing. From then on its attempts to
    connect wait, since nothing passes."""
    network.cut()
    eventually(lambda: not client.connected, "the SDK knows that the link is lost")
    network.silent()


def bodies_of(hub, registered):
    return [body.decode() for body, _ in stored_telemetry(hub, registered.device_id)]


def test_telemetry_of_a_short_silence_arrives_exactly_once(hub, registered, connect, network, websockets):
    """TCP outlives it: the link stays, and nothing is sent twice."""
    client = connect(registered, websockets=websockets)
    before = local_address(registered.client_id)
    network.silent()
    bodies = [f"message {n}" for n in range(20)]
    senders = send_all(client, bodies)
    assert bodies_of(hub, registered) == []
    network.restore()
    join(senders)
    assert sorted(bodies_of(hub, registered)) == sorted(bodies)
    assert local_address(registered.client_id) == before


def test_telemetry_of_a_lost_link_arrives_at_least_once(hub, registered, connect, network, websockets):
    """QoS 1: what was under way when the link was lost may come twice, what was queued behind it comes once."""
    client = connect(registered, websockets=websockets)
    network.silent()
    under_way = send_into_silence(client, registered)
    lose_link(network, client)
    queued = [f"queued {n}" for n in range(20)]
    waiting = send_all(client, queued)
    network.restore()
    join(under_way + waiting)
    stored = bodies_of(hub, registered)
    assert set(stored) == {"under way", *queued}
    assert sorted(body for body in stored if body != "under way") == sorted(queued)
    assert client.connected


def test_telemetry_whose_acknowledgement_is_lost_comes_again(hub, registered, connect, network, websockets):
    """The hub has stored it; only the PUBACK did not arrive. At least once, not exactly once: as MQTT has it."""
    client = connect(registered, websockets=websockets)
    network.mute()
    sender = send_all(client, ["twice"])
    eventually(lambda: bodies_of(hub, registered) == ["twice"], "the hub has stored it")
    lose_link(network, client)
    network.restore()
    join(sender)
    assert bodies_of(hub, registered) == ["twice", "twice"]


def test_twin_patches_made_meanwhile_are_read_after_the_reconnect(service, registered, connect):
    network = Network(8883)  # the service's port is the WebSockets' as well
    client = connect(registered)
    client.get_twin()  # subscribes to answers; the SDK's own question after the reconnect does not
    patches = Patches(client)
    update_twin(service, registered, desired(before=1))
    patches.wait_for("before", 1)
    try:
        network.silent()
        # For the hub the link lives: it pushes this one, which is lost.
        update_twin(service, registered, desired(meanwhile=1))
        sender = send_into_silence(client, registered)
        lose_link(network, client)
        update_twin(service, registered, desired(meanwhile=2, before=None))
    finally:
        network.restore()
    join(sender)
    # The SDK asks for the twin when it is connected again, and hands out what it missed.
    assert patches.wait_for("meanwhile", 2)["$version"] == 4
    twin = client.get_twin()
    assert twin["desired"] == {"meanwhile": 2, "$version": 4}
    client.patch_twin_reported_properties({"seen": twin["desired"]["$version"]})
    assert read_twin(service, registered).properties.reported["seen"] == 4
    update_twin(service, registered, desired(after=1))
    patches.wait_for("after", 1)


def test_a_cloud_to_device_message_sent_meanwhile_arrives_after_the_reconnect(
    service, device, connect, network, websockets
):
    client = connect(device, websockets=websockets)
    messages = []
    client.on_message_received = messages.append
    flags = received_flags(device.client_id)
    network.silent()
    # For the hub the link lives: it pushes the message, which is lost. The service sends by AMQP, on port 5671.
    service.send_c2d_message(device.device_id, "meanwhile", {})
    sender = send_into_silence(client, device)
    lose_link(network, client)
    network.restore()
    join(sender)
    eventually(lambda: messages, "the message comes")
    assert [message.data for message in messages] == [b"meanwhile"]
    assert flags == [True]
    eventually(lambda: service.get_device(device.device_id).cloud_to_device_message_count == 0, "it is settled")


def test_a_cloud_to_device_message_whose_acknowledgement_is_lost_comes_again_with_dup(service, device, connect):
    network = Network(8883)  # the service's port is the WebSockets' as well
    client = connect(device)
    messages = []
    client.on_message_received = messages.append
    flags = received_flags(device.client_id)
    try:
        network.deaf()
        service.send_c2d_message(device.device_id, "twice", {})
        eventually(lambda: messages, "the message comes")
        assert service.get_device(device.device_id).cloud_to_device_message_count == 1
        lose_link(network, client)
    finally:
        network.restore()
    eventually(lambda: len(messages) == 2, "the message comes again")
    assert [message.data for message in messages] == [b"twice", b"twice"]
    assert flags == [False, True]
    eventually(lambda: service.get_device(device.device_id).cloud_to_device_message_count == 0, "it is settled")


def test_a_silent_network_is_noticed_by_keep_alive_on_both_sides(hub, service, device, connect):
    network = Network(8883)
    client = connect(device, keep_alive=1)
    try:
        network.silent()
        eventually(lambda: not client.connected, "the SDK knows that the link is lost")
        eventually(
            lambda: service.get_device(device.device_id).connection_state == "Disconnected", "so does the hub"
        )
    finally:
        network.restore()
    eventually(lambda: client.connected, "the client is connected again")
    assert service.get_device(device.device_id).connection_state == "Connected"
    client.send_message("after")
    assert bodies_of(hub, device) == ["after"]
