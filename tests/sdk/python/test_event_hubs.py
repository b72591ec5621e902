"""The Event-Hubs-compatible endpoint, read with azure-eventhub as programs of a real hub do."""

import threading
import time

import pytest
from azure.eventhub import EventHubConsumerClient
from azure.iot.device import Message

from eventually import SLOWNESS, eventually


@pytest.fixture(params=["plain", "tls"])
def consumer(request, hub):
    """Plain AMQP as EVENTHUB_CONNECTION_STRING asks for, and TLS as an ordinary connection string does."""
    text = hub.event_hub_connection_string
    options = {}
    if request.param == "tls":
        text = text.replace(";UseDevelopmentEmulator=true", "")
        options["connection_verify"] = hub.ca_file
    client = EventHubConsumerClient.from_connection_string(text, "$Default", retry_total=0, **options)
    yield client
    client.close()


class Received:
    """Reads in a thread, as receiving blocks. By batches: receive() waits 0.2 s at each of its partitions before it hands
    out a single event, which makes about one a second (azure-eventhub 5.15, EventHubConsumer.receive)."""

    def __init__(self, consumer, **options):
        self.events = []
        options = {"starting_position": "-1", "track_last_enqueued_event_properties": True, **options}
        self._thread = threading.Thread(
            target=lambda: consumer.receive_batch(on_event_batch=self._take, **options), daemon=True
        )
        self._thread.start()

    def _take(self, partition, events):
        self.events += [(partition.partition_id, event) for event in events]

    def of(self, device_id):
        return [
            event
            for _, event in list(self.events)
            if event.system_properties[b"iothub-connection-device-id"] == device_id.encode()
        ]


def test_the_properties_of_the_event_hub_and_its_partitions(consumer):
    properties = consumer.get_eventhub_properties()
    assert properties["eventhub_name"] == "localhost"
    assert properties["partition_ids"] == ["0", "1", "2", "3"]
    partition = consumer.get_partition_properties("0")
    assert partition["eventhub_name"] == "localhost"
    assert partition["id"] == "0"


def test_telemetry_is_read_from_the_beginning_with_its_properties(consumer, device, connect):
    client = connect(device)
    message = Message('{"temperature":21}', message_id="m-1", content_type="application/json", content_encoding="utf-8")
    message.custom_properties["level"] = "storage"
    client.send_message(message)
    received = Received(consumer)
    eventually(lambda: received.of(device.device_id), "the event comes", 15)

    (event,) = received.of(device.device_id)
    assert event.body_as_str() == '{"temperature":21}'
    assert event.properties == {b"level": b"storage"}
    assert event.message_id == "m-1"
    assert event.content_type == "application/json"
    system = event.system_properties
    assert system[b"iothub-message-source"] == b"Telemetry"
    assert system[b"iothub-connection-auth-method"].startswith(b'{"scope":"device","type":"sas"')
    assert system[b"iothub-connection-auth-generation-id"]
    assert abs(system[b"iothub-enqueuedtime"] / 1000 - time.time()) < 60
    assert isinstance(event.sequence_number, int)
    assert int(event.offset) >= 0


def test_a_reader_of_the_latest_sees_only_what_comes_after(consumer, device, connect):
    client = connect(device)
    client.send_message("before")
    received = Received(consumer, starting_position="@latest")
    # Telemetry of ours until the first is seen: then all four receivers may still be attaching, but this one is there.
    deadline = time.monotonic() + 20 * SLOWNESS
    sent = 0
    while not received.of(device.device_id) and time.monotonic() < deadline:
        client.send_message(f"after {sent}")
        sent += 1
        time.sleep(0.2)
    bodies = [event.body_as_str() for event in received.of(device.device_id)]
    assert bodies and "before" not in bodies


def test_many_events_of_a_device_arrive_in_order(consumer, device, connect):
    received = Received(consumer)
    client = connect(device)
    for number in range(60):
        client.send_message(Message(f"{number}:" + "x" * 20000))
    eventually(lambda: len(received.of(device.device_id)) == 60, "60 events come", 30)
    events = received.of(device.device_id)
    assert [int(event.body_as_str().split(":")[0]) for event in events] == list(range(60))
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers)


def test_an_unknown_consumer_group_is_refused(hub):
    with EventHubConsumerClient.from_connection_string(
        hub.event_hub_connection_string, "nobody", retry_total=0
    ) as client:
        errors = []
        thread = threading.Thread(
            target=lambda: client.receive(
                on_event=lambda *_: None, on_error=lambda _, error: errors.append(error), starting_position="-1"
            ),
            daemon=True,
        )
        thread.start()
        eventually(lambda: errors, "the refusal", 15)
        assert "could not be found" in str(errors[0])


def test_a_wrong_key_is_refused(hub):
    parts = dict(part.split("=", 1) for part in hub.event_hub_connection_string.split(";"))
    parts["SharedAccessKey"] = "d3Jvbmc="
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    with EventHubConsumerClient.from_connection_string(text, "$Default", retry_total=0) as client:
        with pytest.raises(Exception) as refusal:
            client.get_eventhub_properties()
        assert "signature" in str(refusal.value) or "authoriz" in str(refusal.value).lower()
