"""Random operations of many devices against a real hub that is killed among them, and a model of what it must hold.

    model_test.py BINARY [--seed N] [--minutes M] [--kills K]

Ends after M minutes or K ends of the hub, whichever comes first. Finds what was acknowledged and is lost, what is there
twice, and versions and sequence numbers with gaps. The seed chooses the operations; how far the hub gets with them
before it is killed is chance.
"""

import argparse
import contextlib
import json
import pathlib
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time

from hub import Hub
from model import Broken, Device
from wire import Amqp, Http, Mqtt, pump, sas

class Run:
    def __init__(self, hub, seed):
        self.hub = hub
        self.random = random.Random(seed)
        self.number = 0
        self.pushed = [Device(f"mqtt-{n}") for n in range(8)]  # connected over MQTT
        self.pulling = [Device(f"http-{n}") for n in range(3)]  # over HTTP
        self.churned = [Device(f"churn-{n}") for n in range(12)]  # made and deleted only
        self.devices = {device.name: device for device in self.pushed + self.pulling + self.churned}
        self.links = {}  # by device name
        self.held = {}  # by device name: (message id, packet id) received and not acknowledged
        self.unconfirmed = {}  # by device name: completions that a later answer of the hub will make certain
        self.again = []  # telemetry that was not acknowledged before the hub died
        self.next_event = {}  # by partition
        self.counts = {}
        self.history = []
        self.calls = 0
        self.ending = False

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def note(self, *words):
        self.history.append(words)
        del self.history[:-4000]

    def next_number(self):
        self.number += 1
        return self.number

    # ---- operations ----------------------------------------------------------------------------------------------

    def step(self):
        weights = {self.send_telemetry: 40, self.report: 15, self.patch_desired: 12, self.send_c2d: 12,
                   self.complete: 15, self.pull: 4, self.make_or_delete: 8, self.call: 3}  # fmt: skip
        self.random.choices(list(weights), list(weights.values()))[0]()

    def any(self, devices):
        usable = [device for device in devices if device.exists and not device.busy]
        return self.random.choice(usable) if usable else None

    def answered(self, device, done):
        """Wraps the answer to something asked on a device's link: what was completed before it is certain now."""
        before = self.unconfirmed.setdefault(device.name, [])
        confirmed, self.unconfirmed[device.name] = before, []

        def answer(known):
            if known:
                for message_id in confirmed:
                    device.queue.completed(message_id)
            # Completions of a link that died stay maybe: the queue is looked at anew.
            done(known)

        return answer

    def send_telemetry(self, body=None, device=None):
        device = device or self.any(self.pushed + self.pulling)
        if device is None or (device in self.pushed and device.name not in self.links):
            return
        body = body or f"{device.name}-{self.next_number()}"
        self.note(device.name, "telemetry", body)
        device.telemetry.ask(body)

        def done(known):
            if known:
                self.count("telemetry")
                device.telemetry.acknowledged(body)

        if device in self.pushed:
            topic = f"devices/{device.name}/messages/events/"
            self.links[device.name].publish(topic, body.encode(), self.answered(device, done))
        else:

            def http_done(status, answer, _):
                if status not in (None, 204):
                    raise Broken(f"telemetry over HTTP is answered {status} {answer}")
                done(status == 204)

            # The JSON text of a string is the string in quotes; that is what the stream will show.
            self.ask_as(device, "POST", "/messages/events", body, http_done)

    def ask_as(self, device, method, path, body, done):
        """A request of the device itself over HTTP."""
        device.asking += 1

        def answered(status, answer, headers):
            device.asking -= 1
            if done:
                done(status, answer, headers)

        authorization = sas(f"localhost/devices/{device.name}", device.key)
        self.pulls.request(method, f"/devices/{device.name}{path}", body, answered, authorization)

    def report(self):
        device = self.any(self.pushed)
        if device is None or device.name not in self.links:
            return
        patch = {"n": self.next_number(), f"k{self.random.randrange(5)}": self.random.choice([None, self.number])}
        self.note(device.name, "reported", patch)
        device.reported.ask(patch)
        self.links[device.name].publish(
            f"$iothub/twin/PATCH/properties/reported/?$rid={device.name}", json.dumps(patch).encode()
        )

    def patch_desired(self):
        device = self.any(self.pushed + self.pulling)
        if device is None:
            return
        patch = {"n": self.next_number(), f"k{self.random.randrange(5)}": self.random.choice([None, self.number])}
        self.note(device.name, "desired", patch)
        device.desired.ask(patch)
        section = device.desired

        def done(status, answer, _):
            if status == 200:
                self.count("desired patches")
                section.acknowledged(json.loads(answer)["properties"]["desired"]["$version"])
            elif status is not None:
                raise Broken(f"a desired patch of {device.name} is answered {status} {answer}")

        self.service.request("PATCH", f"/twins/{device.name}", {"properties": {"desired": patch}}, done)

    def send_c2d(self):
        device = self.any(self.pushed + self.pulling)
        if device is None or len(device.queue.messages) > 40 or self.amqp.credit < 1:
            return
        message_id = f"{device.name}-c{self.next_number()}"
        self.note(device.name, "c2d", message_id)
        queue = device.queue
        queue.ask(message_id)

        def done(accepted):
            if accepted:
                self.count("c2d sends")
            queue.sent(message_id, accepted)

        self.amqp.transfer(f"/devices/{device.name}/messages/devicebound", message_id, message_id.encode(), done)

    def complete(self):
        names = [name for name, held in self.held.items() if held and not self.devices[name].busy]
        if not names:
            return
        name = self.random.choice(names)
        message_id, packet_id = self.held[name].pop(0)
        self.note(name, "complete", message_id)
        self.devices[name].queue.asked_to_complete(message_id)
        self.links[name].acknowledge(packet_id)
        self.unconfirmed.setdefault(name, []).append(message_id)
        self.count("c2d completions")

    def pull(self):
        """Receives over HTTP; then completes, rejects, abandons or keeps the lock."""
        device = self.any(self.pulling)
        if device is None:
            return
        path = "/messages/deviceBound"

        def received(status, answer, headers):
            if status != 200:
                if status not in (None, 204):
                    raise Broken(f"a receive of {device.name} is answered {status} {answer}")
                return
            message_id = headers["iothub-messageid"]
            self.note(device.name, "pulled", message_id)
            device.queue.received(message_id)
            lock = path + "/" + headers["etag"].strip('"')
            way = self.random.choice(["complete", "complete", "reject", "abandon", "keep"])
            if way == "keep":
                return
            if way == "abandon":
                return self.ask_as(device, "POST", lock + "/abandon", None, None)
            device.queue.asked_to_complete(message_id)

            def settled(status, answer, _):
                if status == 204:
                    self.count("c2d completions")
                    device.queue.completed(message_id)
                elif status is not None:
                    raise Broken(f"{way} of {message_id} is answered {status} {answer}")

            self.ask_as(device, "DELETE", lock, None, settled)

        self.ask_as(device, "GET", path, None, received)

    def make_or_delete(self):
        device = self.random.choice(self.churned * 4 + self.pushed + self.pulling)
        quiet = not (
            device.busy
            or device.asking
            or device.desired.pending
            or device.reported.pending
            or any(not sent for sent, _ in device.queue.messages.values())
            or any(not acknowledged for _, acknowledged, _ in device.telemetry.sent.values())
        )
        if not quiet:
            return
        device.busy = True
        link = self.links.pop(device.name, None)
        if link is not None:
            # What it has completed is not certain, and its queue is about to go anyhow.
            link.died()
            self.held.pop(device.name, None)
            self.unconfirmed.pop(device.name, None)
        path = f"/devices/{device.name}"
        if device.exists:
            self.note(device.name, "delete")

            def deleted(status, answer, _):
                if status is None:
                    return
                if status != 204:
                    raise Broken(f"the deletion of {device.name} is answered {status} {answer}")
                self.count("deletions")
                device.busy = device.exists = False
                device.clear()

            self.service.request("DELETE", path, None, deleted)
        else:
            self.note(device.name, "create")

            def made(status, answer, _):
                if status is None:
                    return
                if status != 200:
                    raise Broken(f"the creation of {device.name} is answered {status} {answer}")
                self.count("creations")
                device.busy, device.exists = False, True
                device.key = json.loads(answer)["authentication"]["symmetricKey"]["primaryKey"]
                device.clear()
                if device in self.pushed and not self.ending:
                    self.connect(device)

            self.service.request("PUT", path, {"deviceId": device.name}, made)

    def call(self):
        device = self.any(self.pushed)
        # Its link must be ready, and the device is not to be deleted meanwhile.
        if device is None or not (device.name in self.links and self.links[device.name].subscribed) or self.calls:
            return
        number = self.next_number()
        self.calls += 1
        device.busy = True

        def done(status, answer, _):
            self.calls -= 1
            device.busy = False
            if status is None:
                return
            if status != 200 or json.loads(answer) != {"status": 207, "payload": {"n": number}}:
                raise Broken(f"method {number} of {device.name} is answered {status} {answer}")
            self.count("methods")

        body = {"methodName": "echo", "payload": {"n": number}}
        self.methods.request("POST", f"/twins/{device.name}/methods", body, done)

    # ---- what a device hears -------------------------------------------------------------------------------------

    def connect(self, device):
        link = Mqtt(self.hub, device.name, device.key, self.heard)
        link.desired_version = device.desired.version
        self.links[device.name] = link
        self.held[device.name] = []
        self.unconfirmed[device.name] = []
        return link

    def heard(self, link, topic, payload, packet_id):
        device = self.devices[link.device]
        if self.links.get(device.name) is not link:
            return  # of a link that was given up
        if topic.startswith("$iothub/twin/res/204/"):
            link.acknowledge(packet_id)
            self.count("reported patches")
            device.reported.acknowledged(int(re.search(r"\$version=(\d+)", topic)[1]))
        elif topic.startswith("$iothub/twin/PATCH/properties/desired/"):
            link.acknowledge(packet_id)
            version = json.loads(payload)["$version"]
            if version != link.desired_version + 1:
                raise Broken(f"{device.name} hears desired version {version} after {link.desired_version}")
            link.desired_version = version
        elif topic.startswith("$iothub/methods/POST/echo/"):
            link.acknowledge(packet_id)
            link.publish(f"$iothub/methods/res/207/?$rid={topic.split('$rid=')[1]}", payload)
        elif "/messages/devicebound/" in topic:
            message_id = payload.decode()
            self.note(device.name, "received", message_id)
            device.queue.received(message_id)
            self.held[device.name].append((message_id, packet_id))
        else:
            raise Broken(f"{device.name} hears {topic} {payload}")

    # ---- rounds --------------------------------------------------------------------------------------------------

    def begin(self):
        """After a start: what is there is what may be there, and from here on it is certain."""
        self.ending = False
        self.service, self.methods, self.pulls = (Http(self.hub, self.hub.policy_key) for _ in range(3))
        self.amqp = Amqp(self.hub, self.hub.policy_key)
        self.check_events()
        for device in self.devices.values():
            # Over the service's pipe, so that TLS handshakes are few.
            status, body, _ = self.service.ask("GET", f"/devices/{device.name}")
            exists = status == 200
            if exists != device.exists and not device.busy:
                raise Broken(f"{device.name} answers {status}, but exists: {device.exists}")
            if exists != device.exists or (device.busy and not exists):
                device.clear()
            device.busy, device.exists = False, exists
            self.again += [(device, body) for body in device.telemetry.settle() if exists and device in self.pushed]
            if not exists:
                continue
            device.key = json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]
            twin = json.loads(self.service.ask("GET", f"/twins/{device.name}")[1])["properties"]
            for section, name in ((device.desired, "desired"), (device.reported, "reported")):
                found = {key: value for key, value in twin[name].items() if not key.startswith("$")}
                section.settle(found, twin[name]["$version"])
            if device not in self.churned:
                self.check_queue(device)
        again, self.again = self.again, []
        for device, body in again:
            if self.random.random() < 0.5 and device.exists:
                self.send_telemetry(body, device)

    def check_queue(self, device):
        found = []
        # On a link of its own, and only looked at: it goes back to the queue when the link ends.
        link = Mqtt(self.hub, device.name, device.key, lambda _, __, body, ___: found.append(body.decode()))
        if not (link.wait(lambda: link.subscribed) and link.ping()):
            raise Broken(f"the link of {device.name} ends")
        device.queue.settle(found)
        link.died()
        if device in self.pushed:
            self.connect(device)

    def check_events(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)) as database:
            by_device = {}
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'event_[0-9]*'")
            for (table,) in tables.fetchall():
                rows = database.execute(
                    f"SELECT sequence_number, device_id, source, body FROM {table} WHERE sequence_number >= ? ORDER BY 1",
                    (self.next_event.get(table, 0),),
                )
                for number, name, source, body in rows:
                    if number != self.next_event.get(table, 0):
                        raise Broken(f"{table} has {number} where {self.next_event.get(table, 0)} comes next")
                    self.next_event[table] = number + 1
                    if source == "Telemetry":
                        by_device.setdefault(name, []).append(bytes(body).decode().strip('"'))
        for device in self.devices.values():
            device.telemetry.found(by_device.get(device.name, []))

    def check_database(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)) as database:
            verdict = database.execute("PRAGMA integrity_check").fetchall()
            if verdict != [("ok",)]:
                raise Broken(f"the database is damaged: {verdict}")
            for table, following in self.next_event.items():
                (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
                if count < following:
                    raise Broken(f"{table} has lost {following - count} events")

    def all_links(self):
        return [self.service, self.methods, self.pulls, self.amqp, *self.links.values()]

    def play(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(self.random.randrange(1, 40)):
                self.step()
            pump(self.all_links(), 0.002)
            for link in self.all_links():
                if link.dead:
                    raise Broken(f"the hub closes a connection: {vars(link).get('device', type(link).__name__)}")

    def end(self, way):
        """`kill`, `stop`: amid the operations. `calm`: when all is answered."""
        if way == "calm":
            until = time.monotonic() + 30
            while self.is_waiting():
                if time.monotonic() > until:
                    raise Broken("not all is answered")
                pump(self.all_links(), 0.05)
            for name, link in self.links.items():
                link.ping()
                if link.desired_version != self.devices[name].desired.version:
                    raise Broken(f"{name} has not heard of its last desired version")
        self.ending = True
        self.hub.kill() if way == "kill" else self.hub.ask_to_end()
        for link in self.all_links():
            until = time.monotonic() + 20
            while not link.dead:
                if time.monotonic() > until:
                    raise Broken("a connection outlives the hub")
                pump([link], 0.05)
        if way != "kill":
            self.hub.await_end()
        self.links = {}
        self.held = {}
        self.unconfirmed = {}

    def is_waiting(self):
        return (
            any(http.waiting for http in (self.service, self.methods, self.pulls))
            or self.amqp.unsettled
            or any(link.unacknowledged for link in self.links.values())
            or any(device.reported.pending for device in self.devices.values())
        )


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--kills", type=int, default=1_000_000)
    asked = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="model-"))
    hub = Hub(asked.binary, folder)
    run = Run(hub, asked.seed)
    began = time.monotonic()
    ends = {"kill": 0, "stop": 0, "calm": 0}
    print(f"seed {asked.seed}", flush=True)
    try:
        while sum(ends.values()) < asked.kills and time.monotonic() - began < asked.minutes * 60:
            hub.start()
            if sum(ends.values()) % 20 == 19:
                run.check_database()  # before a connection is made: it takes long once there are millions of events
                print(f"{time.monotonic() - began:.0f} s: {ends} {run.counts}", flush=True)
            run.begin()
            run.play(run.random.uniform(0.05, 1.5))
            way = run.random.choices(["kill", "stop", "calm"], [7, 2, 1])[0]
            run.end(way)
            ends[way] += 1
        hub.start()
        run.begin()
        run.check_database()
        run.end("calm")
    except BaseException as error:
        hub.kill()
        print(f"FAILED with seed {asked.seed} after {ends}: {error}", file=sys.stderr)
        for words in run.history[-60:]:
            print("  ", *words, file=sys.stderr)
        print(f"the hub's log is {hub.log_file}, its data are beside it", file=sys.stderr)
        raise
    size = sum(file.stat().st_size for file in (folder / "data").iterdir()) // 1024
    shutil.rmtree(folder)
    print(f"ok: {ends}; acknowledged: {run.counts}; database {size} KiB; slowest start {hub.slowest_start * 1000:.0f} ms")


if __name__ == "__main__":
    main()
