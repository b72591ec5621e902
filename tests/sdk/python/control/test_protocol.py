"""What a connection carries, beside what the hub did."""

import contextlib
import json
import threading

import pytest
from azure.eventhub import EventHubConsumerClient
from azure.iot.device.exceptions import CredentialError

from control.control_api import EventReader
from eventually import eventually


@pytest.fixture
def look(hub):
    readers = []

    def look(**parameters):
        readers.append(EventReader(hub.ports["portal"], path="protocol", **parameters))
        return readers[-1]

    yield look
    for reader in readers:
        reader.close()


def said(reader):
    """`<CONNECT` received, `>CONNACK` sent, `telemetry` what the hub did."""
    marks = {"received": "<", "sent": ">"}
    return [
        marks[each["direction"]] + each["packet"] if "packet" in each else each.get("event", "ended")
        for each in reader.events
    ]


def of(reader, packet):
    return [each for each in reader.events if each.get("packet") == packet]


def connection_of(control, device):
    (mine,) = [each for each in control.get("connections")["connections"] if each["device"] == device.device_id]
    return mine["connection"]


def test_one_connection_is_seen_packet_by_packet_with_what_the_hub_did(control, device, connect, look):
    client = connect(device)
    reader = look(connection=connection_of(control, device))
    client.send_message('{"level":1}')
    eventually(lambda: ">PUBACK" in said(reader), "the telemetry is seen")
    order = said(reader)
    assert order.index("<PUBLISH") < order.index("telemetry") < order.index(">PUBACK")
    (publish,) = of(reader, "PUBLISH")
    assert publish["fields"]["payload"]["text"] == '{"level":1}'
    assert publish["fields"]["topic"].startswith(f"devices/{device.device_id}/messages/events/")
    client.disconnect()
    eventually(lambda: "ended" in said(reader), "its end is told")
    assert "<DISCONNECT" in said(reader) and "disconnected" in said(reader)


def test_a_device_is_seen_from_its_first_packet_on_and_its_token_is_not(control, device, connect, look):
    reader = look(device=device.device_id)
    first = connect(device)
    eventually(lambda: ">CONNACK" in said(reader), "its connection is seen")
    order = said(reader)
    assert order.index("<CONNECT") < order.index("connected") < order.index(">CONNACK")
    (hello,) = of(reader, "CONNECT")
    assert hello["fields"]["clientId"] == device.device_id
    assert "cut" in hello["fields"]["password"]
    assert "sig=" not in json.dumps(reader.events)
    first.disconnect()
    eventually(lambda: "ended" in said(reader), "the connection ends")
    connect(device)
    eventually(lambda: said(reader).count("<CONNECT") == 2, "so is the next one")


def test_a_refused_connection_is_seen_with_its_reason(device, client_of, look):
    reader = look(device=device.device_id)
    with pytest.raises(CredentialError):
        client_of(device, key="AAAA").connect()
    eventually(lambda: ">CONNACK" in said(reader), "the refusal is seen")
    order = said(reader)
    assert order.index("<CONNECT") < order.index("refused") < order.index(">CONNACK")
    assert of(reader, "CONNACK")[0]["fields"]["returnCode"] == 5


def test_frames_of_a_reader_of_events_are_seen_by_their_links(control, hub, device, connect, look):
    sender = connect(device)
    consumer = EventHubConsumerClient.from_connection_string(hub.event_hub_connection_string, "$Default")
    thread = threading.Thread(
        target=lambda: consumer.receive_batch(on_event_batch=lambda *_: None, starting_position="@latest"), daemon=True
    )
    thread.start()
    looks = {}
    try:

        def bodies():
            for each in control.get("connections")["clients"]:
                if each["connection"] not in looks:
                    with contextlib.suppress(AssertionError):  # the client has closed that one meanwhile
                        looks[each["connection"]] = look(connection=each["connection"])
            sender.send_message("seen")
            transfers = [each["fields"] for reader in looks.values() for each in of(reader, "transfer")]
            found = [each.get("message", {}).get("body") for each in transfers]
            return [each["text"] for each in found if isinstance(each, dict) and "text" in each]

        assert eventually(bodies, "an event is seen on its way to its reader")[0] == "seen"
        assert "sig=" not in json.dumps([reader.events for reader in looks.values()])
    finally:
        consumer.close()


def test_a_look_names_one_connection_or_one_device(control):
    assert control.get("protocol", 400)["error"]["name"] == "ArgumentInvalid"
    assert control.get("protocol", 400, connection="c1", device="d")["error"]["name"] == "ArgumentInvalid"
    assert control.get("protocol", 404, connection="c999999")["error"]["name"] == "GenericNotFound"
