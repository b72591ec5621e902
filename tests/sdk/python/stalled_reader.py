"""Run as a program: reads the hub's events from now on with azure-eventhub, says "stalled" at the first that comes, and
takes nothing any more."""

import sys
import time

from azure.eventhub import EventHubConsumerClient


def stall(*_):
    print("stalled", flush=True)
    time.sleep(3600)


client = EventHubConsumerClient.from_connection_string(sys.argv[1], "$Default", retry_total=0)
print("reading", flush=True)
client.receive_batch(on_event_batch=stall, starting_position="@latest", prefetch=1000)
