"""Consumer groups, checkpoints, load balancing, owners, redirects and tokens at the Event-Hubs-compatible endpoint."""

import base64
import hashlib
import hmac
import threading
import time
import urllib.parse

import pytest
from azure.core.credentials import AzureSasCredential
from azure.eventhub import EventHubConsumerClient
from azure.eventhub._pyamqp import ReceiveClient
from azure.eventhub._pyamqp.error import AMQPLinkRedirect
from azure.eventhub._pyamqp.authentication import SASLPlainAuth
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager

from checkpoints import MemoryCheckpoints
from conftest import Registered
from eventually import SLOWNESS, eventually
from own_hub import own_hub


@pytest.fixture(scope="module")
def own(hub_process, tmp_path_factory):
    flags = ["--consumer-group", "Storage", "--consumer-group", "alerts", "--sas-grace", "0"]
    with own_hub(hub_process, tmp_path_factory.mktemp("own"), *flags) as hub:
        yield hub


@pytest.fixture(scope="module")
def senders(own):
    """A connected device for each of the four partitions at least."""
    service = IoTHubRegistryManager.from_connection_string(own.connection_string())
    clients = []
    for number in range(12):
        identity = service.create_device_with_sas(f"sender-{number}", "", "", "enabled")
        client = IoTHubDeviceClient.create_from_connection_string(Registered(own, identity).connection_string())
        client.connect()
        clients.append(client)
    yield clients
    for client in clients:
        client.shutdown()


def send_all(senders, text):
    for client in senders:
        client.send_message(text)


class Reading:
    """A consumer client that receives in a thread until it is closed."""

    def __init__(self, hub, group, checkpoints=None, handle=None, text=None, **options):
        self.events = []
        self.errors = []
        self.closed = []
        self.client = EventHubConsumerClient.from_connection_string(
            text or hub.event_hub_connection_string,
            group,
            checkpoint_store=checkpoints,
            load_balancing_interval=1,
            partition_ownership_expiration_interval=6,
            retry_total=0,
        )
        self._handle = handle
        self._thread = threading.Thread(
            target=lambda: self.client.receive_batch(
                on_event_batch=self._take,
                on_error=lambda _, error: self.errors.append(error),
                on_partition_close=lambda partition, reason: self.closed.append((partition.partition_id, reason)),
                max_wait_time=1,
                **{"starting_position": "-1", **options},
            ),
            daemon=True,
        )
        self._thread.start()

    def _take(self, partition, events):
        self.events += [(partition.partition_id, event.body_as_str()) for event in events]
        if events and self._handle:
            self._handle(partition, events)

    def bodies(self):
        return [body for _, body in list(self.events)]

    def close(self):
        self.client.close()
        self._thread.join(20)


def test_every_consumer_group_reads_every_event_and_an_unknown_one_is_refused(own, senders):
    send_all(senders, "for every group")
    for group in ("$Default", "storage", "ALERTS"):
        reading = Reading(own, group)
        eventually(lambda: reading.bodies().count("for every group") == len(senders), f"{group} reads all", 20)
        reading.close()
    reading = Reading(own, "others")
    eventually(lambda: reading.errors, "the refusal", 15)
    assert "could not be found" in str(reading.errors[0])
    reading.close()


def test_the_data_folder_keeps_the_consumer_groups(own, senders):
    own.flags = ["--sas-grace", "0"]
    own.stop()
    own.start()
    reading = Reading(own, "Storage", starting_position="@latest")
    eventually(lambda: send_all(senders[:1], "after the restart") or reading.bodies(), "an event comes", 20)
    reading.close()


def test_a_processor_goes_on_from_its_checkpoints(own, senders):
    checkpoints = MemoryCheckpoints()
    send_all(senders, "first round")
    first = Reading(own, "storage", checkpoints, handle=lambda partition, events: partition.update_checkpoint(events[-1]))
    eventually(lambda: first.bodies().count("first round") == len(senders), "the first round", 30)
    time.sleep(1)  # its last checkpoints are written after the events are handed out
    first.close()
    send_all(senders, "second round")
    second = Reading(own, "storage", checkpoints)
    eventually(lambda: second.bodies().count("second round") == len(senders), "the second round", 30)
    second.close()
    assert set(second.bodies()) == {"second round"}


def test_two_processors_share_the_partitions_and_one_takes_over_those_of_the_other(own, senders):
    checkpoints = MemoryCheckpoints()
    first = Reading(own, "alerts", checkpoints, starting_position="@latest")
    eventually(lambda: len(checkpoints.owners()) == 4, "the first owns all four", 30)
    second = Reading(own, "alerts", checkpoints, starting_position="@latest")

    def shares():
        owners = list(checkpoints.owners().values())
        return sorted(owners.count(owner) for owner in set(owners))

    eventually(lambda: shares() == [2, 2], "each owns two", 60)
    time.sleep(3)  # for the receivers to have moved
    before = len(first.events) + len(second.events)
    send_all(senders, "shared")
    eventually(lambda: len(first.events) + len(second.events) - before >= len(senders), "all are read", 20)
    partitions = [
        {partition for partition, body in reading.events if body == "shared"} for reading in (first, second)
    ]
    assert all(partitions) and not partitions[0] & partitions[1]

    second.close()
    eventually(lambda: shares() == [4], "the first owns all again", 60)
    first.close()


def test_a_higher_owner_level_takes_a_partition_over_and_a_lower_one_is_refused(own):
    first = Reading(own, "$Default", owner_level=1)
    eventually(lambda: first.bodies(), "the first reads", 20)
    second = Reading(own, "$Default", owner_level=2)
    eventually(lambda: second.bodies(), "the second reads", 20)
    eventually(lambda: any("stolen" in str(error) for error in first.errors), "the first has lost", 20)
    first.close()
    third = Reading(own, "$Default", owner_level=1)
    eventually(lambda: any("stolen" in str(error) for error in third.errors), "the third is refused", 20)
    assert not third.events
    third.close()
    fourth = Reading(own, "Storage", owner_level=0)  # another group has its own owners
    eventually(lambda: fourth.bodies(), "the fourth reads", 20)
    fourth.close()
    second.close()


def token(hub, resource, seconds):
    parts = dict(part.split("=", 1) for part in hub.event_hub_connection_string.split(";"))
    expiry = int(time.time() + seconds)
    encoded = urllib.parse.quote_plus(resource)
    key = base64.b64decode(parts["SharedAccessKey"])
    signature = base64.b64encode(hmac.new(key, f"{encoded}\n{expiry}".encode(), hashlib.sha256).digest())
    return (
        f"SharedAccessSignature sr={encoded}&sig={urllib.parse.quote_plus(signature)}&se={expiry}"
        f"&skn={parts['SharedAccessKeyName']}"
    )


def test_a_reader_ends_when_its_token_expires(own):
    """--sas-grace 0: a live link ends with its token."""
    client = EventHubConsumerClient(
        "localhost", "localhost", "$Default", AzureSasCredential(token(own, "sb://localhost/localhost", 6)),
        connection_verify=own.ca_file, retry_total=0,
    )  # fmt: skip
    events, errors = [], []
    thread = threading.Thread(
        target=lambda: client.receive_batch(
            on_event_batch=lambda _, batch: events.extend(batch),
            on_error=lambda _, error: errors.append(error),
            starting_position="-1",
            partition_id="0",
        ),
        daemon=True,
    )
    thread.start()
    eventually(lambda: events, "it reads", 5)
    eventually(lambda: errors, "its end", 20)
    client.close()


def test_an_expired_token_is_refused(own):
    credential = AzureSasCredential(token(own, "sb://localhost/localhost", -5))
    with EventHubConsumerClient(
        "localhost", "localhost", "$Default", credential, connection_verify=own.ca_file, retry_total=0
    ) as client:
        with pytest.raises(Exception) as refusal:
            client.get_eventhub_properties()
    assert "expired" in str(refusal.value)


def test_the_hubs_own_address_redirects_a_reader_with_a_plain_login(own):
    """What az iot's monitor-events and the SDK's sample of IoT hub connection strings do first."""
    auth = SASLPlainAuth("iothubowner@sas.root.localhost", token(own, "localhost/messages/events", 60))
    source = "amqps://localhost/messages/events/ConsumerGroups/$Default/Partitions/0"
    client = ReceiveClient("localhost", source, auth=auth, connection_verify=own.ca_file, retry_total=0)
    with pytest.raises(AMQPLinkRedirect) as redirect:
        client.open()
        client.receive_message_batch(max_batch_size=1, timeout=10 * SLOWNESS)
    client.close()
    assert redirect.value.hostname == "localhost"
    assert redirect.value.address == "amqps://localhost:5671/localhost/ConsumerGroups/$Default/Partitions/0"
