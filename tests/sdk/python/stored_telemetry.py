"""What the hub holds of a device's telemetry, read from its database."""

import contextlib
import json
import sqlite3


def stored_telemetry(hub, device_id):
    """(body, properties) in the order in which they came."""
    with contextlib.closing(sqlite3.connect(f"file:{hub.data / 'hub.db'}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'event_[0-9]*'")
        return [
            (bytes(body), json.loads(properties or "[]"))
            for (table,) in tables.fetchall()
            for body, properties in database.execute(
                f"SELECT body, properties FROM {table} WHERE device_id = ? ORDER BY sequence_number", (device_id,)
            )
        ]
