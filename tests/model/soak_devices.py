"""Devices that come and go for an hour, and what the hub needs meanwhile: memory, descriptors, disk, processor time.

    soak_devices.py BINARY [--minutes N] [--devices N] [--rate N] [--seed N] [--samples FILE]

`simulate` drives the devices: each leaves every minute with a goodbye, returns five seconds later, and reports. Beside
them, thirty more leave as radios do: with a reset, an end without a goodbye, in the middle of a packet or of a TLS
handshake, or because a newer link took their place. The service patches, calls and sends to all of them. Old events are
dropped.

Fails where memory drifts by more than 5 % between the first fifth of the time after the warm-up and the last, where
descriptors do, where the hub holds one more socket at its end, without any device, than it did before the first, where
it drops a link of `simulate`, or where it does not end well. The database has a size to keep; its WAL may grow to 64 MiB
(storage/sqlite_store.h) before it starts again.
"""

import argparse
import base64
import csv
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from hub import Hub
from model import Broken
from wire import Amqp, Http, Mqtt

TEMPLATE = {
    "telemetry": {
        "body": {"temperature": {"$walk": {"start": 20, "step": 0.5, "min": 10, "max": 30}}, "count": {"$counter": {}}},
        "properties": {"level": {"$choice": ["normal", "critical"]}},
    },
    "reported": {"values": {"firmware": "1.0", "connections": {"$counter": {}}}},
    "methods": {"reboot": {"payload": {"accepted": True}}},
    "offline": {"every": 60, "for": 5},
}
ABRUPT = 30
DRIFT = 0.05
SAMPLE_SECONDS = 5
IDLE_SECONDS = 90  # past the time-outs of what was left half open


class Usage:
    """What the hub's process holds now."""

    def __init__(self, hub):
        status = pathlib.Path(f"/proc/{hub.process.pid}/status").read_text()
        self.resident = self.kilobytes(status, "VmRSS")
        self.anonymous = self.kilobytes(status, "RssAnon")
        open_ones = [self.what(f"/proc/{hub.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{hub.process.pid}/fd")]
        self.descriptors = len(open_ones)
        self.sockets = sum(what.startswith("socket:") for what in open_ones)
        self.database, self.wal = (
            file.stat().st_size // 1024 if file.exists() else 0
            for file in (hub.database, hub.database.with_name(hub.database.name + "-wal"))
        )
        self.processor = hub.cpu_seconds()

    @staticmethod
    def what(descriptor):
        try:
            return os.readlink(descriptor)
        except FileNotFoundError:  # closed meanwhile
            return ""

    @staticmethod
    def kilobytes(status, name):
        return int(status.split(name + ":")[1].split()[0])


class Service:
    """An application that patches, calls and sends; its connections live as long as the run."""

    def __init__(self, hub, chance, devices):
        self.hub = hub
        self.random = chance
        self.devices = devices
        self.http = Http(hub, hub.policy_key)
        self.amqp = Amqp(hub, hub.policy_key)
        self.number = 0
        self.counts = {"patches": 0, "methods answered": 0, "methods of an absent device": 0, "messages": 0}

    def step(self):
        device = self.random.choice(self.devices)
        self.number += 1
        way = self.random.randrange(3)
        if way == 0:
            self.http.request("PATCH", f"/twins/{device}", {"properties": {"desired": {"n": self.number}}}, self.patched)
        elif way == 1:
            call = {"methodName": "reboot", "payload": self.number, "responseTimeoutInSeconds": 30}
            self.http.request("POST", f"/twins/{device}/methods", call, self.called)
        elif self.amqp.credit > 0:
            to = f"/devices/{device}/messages/devicebound"
            self.amqp.transfer(to, f"m{self.number}", b"hello", self.sent)
        self.http.read()
        self.amqp.read()
        if self.http.dead or self.amqp.dead:
            raise Broken("the hub has closed a connection of the service")

    def patched(self, status, body, _):
        if status is None:
            return  # the end of the run
        if status != 200:
            raise Broken(f"a patch is answered {status} {body}")
        self.counts["patches"] += 1

    def called(self, status, body, _):
        if status is None:
            return
        if status not in (200, 404, 504):
            raise Broken(f"a method is answered {status} {body}")
        self.counts["methods answered" if status == 200 else "methods of an absent device"] += 1

    def sent(self, accepted):  # a queue of an absent device may be full
        self.counts["messages"] += bool(accepted)

    def close(self):
        self.http.died()
        self.amqp.died()


class AbruptDevices:
    """Connects one device and loses it, or the one before."""

    def __init__(self, hub, chance, count):
        self.hub = hub
        self.random = chance
        self.names = [f"abrupt-{n}" for n in range(count)]
        self.key = base64.b64encode(b"the key of the abrupt devices 01").decode()
        self.links = {}
        self.counts = {}
        keys = {"symmetricKey": {"primaryKey": self.key, "secondaryKey": self.key}}
        http = Http(hub, hub.policy_key)
        for name in self.names:
            status, body, _ = http.ask("PUT", f"/devices/{name}", {"deviceId": name, "authentication": keys})
            assert status == 200, body
        http.died()

    def step(self):
        name = self.random.choice(self.names)
        if name in self.links:
            way = self.random.choice([self.reset, self.end, self.end_in_a_packet, self.take_over])
        else:
            way = self.random.choice([self.connect, self.connect, self.connect, self.half_a_handshake])
        way(name)
        self.counts[way.__name__] = self.counts.get(way.__name__, 0) + 1

    def connect(self, name):
        def received(link, topic, payload, packet_id):
            if packet_id:
                link.acknowledge(packet_id)

        link = Mqtt(self.hub, name, self.key, received)
        if not link.wait(lambda: link.accepted and link.subscribed):
            raise Broken(f"{name} is not let in")
        acknowledged = []
        link.publish(f"devices/{name}/messages/events/", b"{}", acknowledged.append)
        if not link.wait(lambda: acknowledged):
            raise Broken(f"{name} is closed")
        self.links[name] = link

    def take_over(self, name):
        older = self.links[name]
        self.connect(name)
        older.died()

    def reset(self, name):
        link = self.links.pop(name)
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.died()

    def end(self, name):
        self.links.pop(name).died()

    def end_in_a_packet(self, name):
        link = self.links.pop(name)
        link.send(b"\x32\x7f\x00\x20devices/")
        link.died()

    def half_a_handshake(self, name):
        with socket.create_connection(("127.0.0.1", self.hub.ports["mqtts"]), timeout=10) as plain:
            plain.sendall(b"\x16\x03\x01\x02\x00\x01")

    def keep_alive(self):
        for link in self.links.values():
            link.send(b"\xc0\0")
            link.read()

    def close(self):
        for link in self.links.values():
            link.died()


def median(samples, name):
    return statistics.median(getattr(sample, name) for sample in samples)


def judge(samples, warm_up, seconds):
    """The drift of each figure between the first fifth after the warm-up and the last one."""
    measured = [(at, usage) for at, usage in samples if warm_up <= at <= seconds]
    fifth = (seconds - warm_up) / 5
    first = [usage for at, usage in measured if at < warm_up + fifth]
    last = [usage for at, usage in measured if at >= seconds - fifth]
    faults = []
    for name, unit in (("resident", "KiB"), ("anonymous", "KiB"), ("descriptors", ""), ("database", "KiB"), ("wal", "KiB")):
        before, after = median(first, name), median(last, name)
        drift = after / max(before, 1) - 1
        print(f"{name}: {before:.0f} {unit} -> {after:.0f} {unit} ({drift * 100:+.1f} %)")
        if name != "wal" and drift > DRIFT:
            faults.append(f"{name} drift by {drift * 100:.1f} %")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=20, help="telemetry messages a second, of all devices together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--samples", help="a CSV file for all samples")
    options = parser.parse_args()
    seconds = options.minutes * 60
    warm_up = seconds / 6
    chance = random.Random(options.seed)
    print(f"seed {options.seed}", flush=True)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="soak-devices-"))
    hub = Hub(options.binary, folder)
    simulation = None
    samples, faults = [], []
    try:
        hub.start("--retention-mb", "4", "--log-level", "warning")
        abrupt = AbruptDevices(hub, chance, ABRUPT)
        time.sleep(2)
        at_start = Usage(hub)

        template = folder / "template.json"
        template.write_text(json.dumps(TEMPLATE))
        output = (folder / "simulate.log").open("w+")
        command = [options.binary, "simulate", "--data", hub.data, "--ca-dir", folder / "ca", "--devices",
                   options.devices, "--template", template, "--rate", options.rate, "--duration", int(seconds)]  # fmt: skip
        simulation = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.DEVNULL)
        names = [f"simulated-{n + 1}" for n in range(options.devices)]
        time.sleep(min(30, seconds / 10))  # until they are made
        service = Service(hub, chance, names + abrupt.names)

        began = time.monotonic()
        sampled = told = -1e9
        while (now := time.monotonic() - began) < seconds and simulation.poll() is None:
            service.step()
            abrupt.step()
            if now - sampled >= SAMPLE_SECONDS:
                sampled = now
                abrupt.keep_alive()
                samples.append((now, Usage(hub)))
            if now - told >= 300:
                told = now
                usage = samples[-1][1]
                print(f"{now / 60:.0f} min: {usage.resident} KiB resident, {usage.descriptors} descriptors, "
                      f"database {usage.database} KiB, WAL {usage.wal} KiB, {usage.processor:.0f} s of processor", flush=True)  # fmt: skip
            time.sleep(0.4)
        measured = time.monotonic() - began
        cpu = samples[-1][1].processor - samples[0][1].processor
        print(f"processor: {cpu / measured * 100:.1f} % of a core")
        status = simulation.wait(60)
        output.seek(0)
        print(f"simulate: {output.read().strip()}")
        if status != 0:
            faults.append(f"simulate ended with status {status}: a connection was refused or lost")
        service.close()
        abrupt.close()
        print("service: " + ", ".join(f"{count} {what}" for what, count in service.counts.items()))
        print("abrupt devices: " + ", ".join(f"{count} {what}" for what, count in sorted(abrupt.counts.items())))

        until = time.monotonic() + IDLE_SECONDS
        while (left := Usage(hub)).sockets > at_start.sockets and time.monotonic() < until:
            time.sleep(1)
        # The checkpointer opens the database by itself when it first has something to do.
        print(f"with nobody connected: {at_start.sockets} sockets before, {left.sockets} after; {at_start.descriptors} "
              f"descriptors before, {left.descriptors} after; {at_start.resident} KiB resident before, "
              f"{left.resident} KiB after")  # fmt: skip
        if left.sockets > at_start.sockets:
            faults.append("sockets are left")
        hub.stop()
        faults += judge(samples, warm_up, min(seconds, measured))
    except Broken as broken:
        faults.append(str(broken))
    finally:
        if options.samples:
            with open(options.samples, "w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["seconds", "resident_kib", "anonymous_kib", "descriptors", "sockets", "database_kib",
                              "wal_kib", "processor_s"])
                for at, usage in samples:
                    rows.writerow([f"{at:.0f}", *vars(usage).values()])
        if simulation is not None:
            simulation.kill()
            simulation.wait()
        hub.kill()
        shutil.rmtree(folder)
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
