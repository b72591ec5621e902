"""Many devices connected at once, beside more that are only registered: fleet.py BINARY [CONNECTED] [REGISTERED]"""

import json
import os
import pathlib
import resource
import selectors
import shutil
import statistics
import sys
import tempfile
import time

from hostile import Bystander
from hub import Hub
from many_devices import BULK, fill
from wire import Http, Mqtt

EACH_SENDS_EVERY = 10  # seconds
SENDING = 30


def keys_of(hub, count):
    http = Http(hub, hub.policy_key)
    keys = []
    for n in range(count):
        http.request("GET", f"/devices/device-{n}", None, lambda status, body, _: keys.append(
            json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]))  # fmt: skip
        if n % BULK == BULK - 1:
            http.wait(lambda n=n: len(keys) > n)
    http.wait(lambda: len(keys) == count)
    http.died()
    return keys


def resident(hub):
    return int(pathlib.Path(f"/proc/{hub.process.pid}/statm").read_text().split()[1]) * resource.getpagesize() // 1024


class Watch:
    """Wall clock and the hub's processor time of a phase."""

    def __init__(self, hub):
        self.hub, self.began, self.cpu = hub, time.monotonic(), hub.cpu_seconds()

    def __str__(self):
        wall, cpu = time.monotonic() - self.began, self.hub.cpu_seconds() - self.cpu
        return f"{wall:.1f} s, of which the hub worked {cpu:.1f} s ({cpu / wall:.0%} of a core)"


def percentiles(times):
    times = sorted(each * 1000 for each in times)
    return f"median {statistics.median(times):.2f} ms, 99 % {times[int(len(times) * 0.99)]:.1f} ms, longest {times[-1]:.0f} ms"


def of_device(device):
    return f"median {device[0]:.2f} ms, 99 % {device[1]:.1f} ms, longest {device[2]:.0f} ms"


def send_for_a_while(links, count):
    """Each device a message each ten seconds, evenly spread; the times until they are acknowledged."""
    ready = selectors.DefaultSelector()
    for link in links:
        ready.register(link.socket, selectors.EVENT_READ, link)
    times, sent, began = [], 0, time.monotonic()
    rate = count / EACH_SENDS_EVERY
    while (now := time.monotonic()) < began + SENDING or len(times) < sent:
        assert now < began + SENDING + 60, "acknowledgements are missing"
        while now < began + SENDING and sent < (now - began) * rate:
            link = links[sent % count]
            link.publish(f"devices/{link.device}/messages/events/", b'{"temperature":21.5}',
                         lambda known, at=time.perf_counter(): times.append(time.perf_counter() - at))  # fmt: skip
            sent += 1
        for key, _ in ready.select(0.001):
            key.data.read()
    assert not any(link.dead for link in links)
    return times


def main():
    binary = sys.argv[1]
    connected = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    registered = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < connected + 200:
        sys.exit(f"measure-fleet: {connected} connections need more descriptors than {most} (ulimit -Hn)")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fleet-"))
    hub = Hub(binary, folder)
    links = []
    try:
        hub.start("--log-level", "warning")
        watch = Watch(hub)
        fill(hub, registered)
        print(f"{registered:,} devices registered: {watch}")
        hub.stop()
        hub.start("--log-level", "warning")
        print(f"started again: ready after {hub.slowest_start * 1000:.0f} ms at most, {resident(hub) / 1024:.1f} MiB resident")
        keys = keys_of(hub, connected)
        bystander = Bystander(hub)
        time.sleep(2)
        print(f"one device publishes, nobody else is there: {of_device(bystander.times())}")

        before, watch = resident(hub), Watch(hub)
        for n, key in enumerate(keys):
            links.append(Mqtt(hub, f"device-{n}", key, lambda *_: None))
        for link in links:
            assert link.wait(lambda link=link: link.subscribed)
        print(f"{connected:,} devices connect over TLS and subscribe to four topics, one after the other: {watch}")
        print(f"  memory: {(resident(hub) - before) / connected:.1f} KiB a device, {resident(hub) / 1024:.0f} MiB in all")
        print(f"  the publishing device meanwhile: {of_device(bystander.times())}")
        assert len(os.listdir(f"/proc/{hub.process.pid}/fd")) > connected

        watch = Watch(hub)
        time.sleep(10)
        print(f"all idle: {watch}")
        print(f"  the publishing device meanwhile: {of_device(bystander.times())}")

        watch = Watch(hub)
        times = send_for_a_while(links, connected)
        print(f"each sends a message every {EACH_SENDS_EVERY} s ({len(times):,} in all): {watch}")
        print(f"  until acknowledged: {percentiles(times)}")
        print(f"  the publishing device meanwhile: {of_device(bystander.times())}")
        print(f"  memory: {resident(hub) / 1024:.0f} MiB in all")

        http = Http(hub, hub.policy_key)
        heard = {}
        for link in links:
            link.on_publish = lambda which, topic, body, _: heard.setdefault(which.device, time.perf_counter())
        asked, times = {}, []
        for n in range(0, connected, max(connected // 1000, 1)):
            device = f"device-{n}"
            asked[device] = time.perf_counter()
            assert http.ask("PATCH", f"/twins/{device}", {"properties": {"desired": {"n": n}}})[0] == 200
            assert links[n].wait(lambda device=device: device in heard)
            times.append(heard[device] - asked[device])
        print(f"a PATCH of a twin until its device has it, {len(times)} of them: {percentiles(times)}")
        http.died()

        bystander.end()
        began = time.monotonic()
        hub.stop()
        print(f"SIGTERM with all connected: ended after {(time.monotonic() - began) * 1000:.0f} ms")
    finally:
        hub.kill()
        for link in links:
            link.died()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
