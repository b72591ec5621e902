"""A checkpoint store in memory, as azure-eventhub's processors use one: the real ones keep this in a storage account."""

import threading
import time
import uuid

from azure.eventhub import CheckpointStore


class MemoryCheckpoints(CheckpointStore):
    def __init__(self):
        self._lock = threading.Lock()
        self._ownerships = {}
        self._checkpoints = {}

    @staticmethod
    def _place(entry):
        return (
            entry["fully_qualified_namespace"], entry["eventhub_name"], entry["consumer_group"], entry["partition_id"],
        )  # fmt: skip

    def _of(self, kept, namespace, eventhub, group):
        with self._lock:
            return [dict(entry) for place, entry in kept.items() if place[:3] == (namespace, eventhub, group)]

    def list_ownership(self, fully_qualified_namespace, eventhub_name, consumer_group, **_):
        return self._of(self._ownerships, fully_qualified_namespace, eventhub_name, consumer_group)

    def list_checkpoints(self, fully_qualified_namespace, eventhub_name, consumer_group, **_):
        return self._of(self._checkpoints, fully_qualified_namespace, eventhub_name, consumer_group)

    def claim_ownership(self, ownership_list, **_):
        """Whoever knows the newest etag of a partition gets it."""
        claimed = []
        with self._lock:
            for entry in ownership_list:
                present = self._ownerships.get(self._place(entry))
                if present is not None and present["etag"] != entry.get("etag"):
                    continue
                taken = {**entry, "etag": str(uuid.uuid4()), "last_modified_time": time.time()}
                self._ownerships[self._place(entry)] = taken
                claimed.append(dict(taken))
        return claimed

    def update_checkpoint(self, checkpoint, **_):
        with self._lock:
            self._checkpoints[self._place(checkpoint)] = dict(checkpoint)

    def owners(self):
        with self._lock:
            return {place[3]: entry["owner_id"] for place, entry in self._ownerships.items() if entry["owner_id"]}
