"""How long a hub with many devices, and events where MEGABYTES are told, takes from its start until it answers:

many_devices.py BINARY [DEVICES] [ROUNDS] [MEGABYTES]
"""

import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from hub import Hub
from wire import Http, Mqtt

BULK = 100


def fill(hub, count):
    http = Http(hub, hub.policy_key)
    for first in range(0, count, BULK):
        entries = [{"id": f"device-{n}", "importMode": "create"} for n in range(first, min(first + BULK, count))]
        status, body, _ = http.ask("POST", "/devices", entries)
        assert status == 200, body
    http.died()


def fill_events(hub, megabytes):
    """Messages of one kilobyte; the last ones are in the WAL."""
    http = Http(hub, hub.policy_key)
    status, body, _ = http.ask("GET", "/devices/device-0")
    assert status == 200, body
    http.died()
    key = json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]
    link = Mqtt(hub, "device-0", key, print, subscribe=False)
    acknowledged = 0

    def done(_):
        nonlocal acknowledged
        acknowledged += 1

    for sent in range(1, megabytes * 1024 + 1):
        link.publish("devices/device-0/messages/events/", b"x" * 1024, done)
        if sent % 1000 == 0:
            assert link.wait(lambda so_far=sent: acknowledged >= so_far - 1000), "the hub ended the link"
    assert link.wait(lambda: acknowledged == megabytes * 1024), "not everything was acknowledged"
    link.died()


def restart(hub, count, way):
    began = time.monotonic()
    hub.start()
    ready = time.monotonic() - began
    http = Http(hub, hub.policy_key)
    assert http.ask("GET", f"/devices/device-{count - 1}")[0] == 200
    answered = time.monotonic() - began
    memory = int(pathlib.Path(f"/proc/{hub.process.pid}/statm").read_text().split()[1]) * 4 // 1024
    http.ask("PUT", "/devices/one-more", {"deviceId": "one-more"})  # so that a kill leaves something to recover
    http.ask("DELETE", "/devices/one-more")
    http.died()
    hub.kill() if way == "kill" else hub.stop()
    return ready, answered, memory


def main():
    binary = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    megabytes = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="many-devices-"))
    hub = Hub(binary, folder)
    try:
        hub.start()
        began = time.monotonic()
        fill(hub, count)
        print(f"{count} devices made in {time.monotonic() - began:.0f} s")
        if megabytes:
            fill_events(hub, megabytes)
        hub.kill()
        for way in ("stop", "kill"):
            results = [restart(hub, count, way) for _ in range(rounds)]
            ready, answered, memory = (sorted(values) for values in zip(*results))
            print(
                f"start before a {way}: ready in {statistics.median(ready) * 1000:.0f} ms "
                f"({ready[0] * 1000:.0f} to {ready[-1] * 1000:.0f}), first answer over TLS after "
                f"{statistics.median(answered) * 1000:.0f} ms ({answered[0] * 1000:.0f} to {answered[-1] * 1000:.0f}), "
                f"{memory[-1]} MB resident"
            )
        print(f"database {hub.database.stat().st_size // 1024 // 1024} MB")
    finally:
        hub.kill()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
