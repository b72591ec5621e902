"""Readers of events that stop granting credit, or die: the hub's memory stays bounded, and nothing is lost."""

import subprocess
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
from azure.eventhub import EventHubConsumerClient

from eventually import SLOWNESS, eventually

EVENTS = 250
SIZE = 200_000
READERS = 4
DYING = 2
# Kept for each reader that has asked for it, the events were 300 MB. Measured: 16 MB. Sanitizers keep what was freed.
MOST_GROWN = 60_000_000 * SLOWNESS


class Reader:
    """Takes no second batch before it may go on. `prefetch` is more credit than there are events."""

    def __init__(self, hub, device, since, go_on):
        self.bodies = []
        self._device_id = device.device_id.encode()
        self._go_on = go_on
        self._client = EventHubConsumerClient.from_connection_string(
            hub.event_hub_connection_string, "$Default", retry_total=0
        )
        self._thread = threading.Thread(target=self._read, args=(since,), daemon=True)
        self._thread.start()

    def _read(self, since):
        self._client.receive_batch(on_event_batch=self._take, starting_position=since, prefetch=1000)

    def _take(self, _, events):
        own = [event for event in events if event.system_properties[b"iothub-connection-device-id"] == self._device_id]
        self.bodies += [event.body_as_str().split(":")[0] for event in own]
        if own:
            self._go_on.wait()

    def close(self):
        self._client.close()
        self._thread.join(20)


@pytest.fixture
def dying(hub):
    script = Path(__file__).with_name("stalled_reader.py")
    processes = [
        subprocess.Popen([sys.executable, script, hub.event_hub_connection_string], stdout=subprocess.PIPE, text=True)
        for _ in range(DYING)
    ]
    for process in processes:
        assert process.stdout.readline() == "reading\n"
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_readers_without_credit_cost_bounded_memory_and_lose_nothing(hub, device, connect, dying):
    since = datetime.now(timezone.utc)
    go_on = threading.Event()
    readers = [Reader(hub, device, since, go_on) for _ in range(READERS)]
    client = connect(device)
    stalled = threading.Thread(target=lambda: [process.stdout.readline() for process in dying])
    stalled.start()
    sent = 0

    def send(size):
        nonlocal sent
        client.send_message(f"{sent}:" + "x" * size)
        sent += 1

    # The processes read what is latest when they attach: one event after the other until each has one.
    def all_stalled():
        send(10)
        stalled.join(0.2)
        return not stalled.is_alive()

    eventually(all_stalled, "the processes have stalled", 30)
    eventually(lambda: all(reader.bodies for reader in readers), "the readers have stalled", 30)
    held = [len(reader.bodies) for reader in readers]

    before = hub.resident_bytes()
    most = 0
    for _ in range(EVENTS):
        send(SIZE)
        most = max(most, hub.resident_bytes())
    assert [len(reader.bodies) for reader in readers] == held, "they do take more"
    if SLOWNESS == 1:  # a sanitizer keeps what was freed
        assert most - before < MOST_GROWN

    for process in dying:
        process.kill()
        assert process.wait() == -9
    go_on.set()
    late = Reader(hub, device, since, go_on)
    expected = [str(number) for number in range(sent)]
    for reader in [*readers, late]:
        eventually(lambda reader=reader: len(reader.bodies) >= sent, "all is read", 60)
        assert reader.bodies == expected
        reader.close()
    assert hub.resident_bytes() - before < MOST_GROWN
