"""What a hub does when its machine fails it: a clear message, nothing lost that was acknowledged, no spinning, and work
goes on when the trouble is over.

    bad_days_test.py BINARY STEPPING_CLOCK [unittest arguments]
"""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from hub import Hub
from wire import Amqp, Dead, Http, Mqtt, sas

BINARY, STEPPING_CLOCK = sys.argv[1:3]
HERE = pathlib.Path(__file__).parent


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bad-days-"))
        self.hub = Hub(BINARY, self.folder)
        self.links = []
        self.mounted = []

    def tearDown(self):
        for link in self.links:
            link.died()
        self.hub.kill()
        for mounted in self.mounted:
            subprocess.run(["umount", mounted], check=True)
        shutil.rmtree(self.folder)

    def http(self):
        self.links.append(Http(self.hub, self.hub.policy_key))
        return self.links[-1]

    def device(self, name="d"):
        """Makes it, or finds it; its key."""
        http = self.http()
        status, body, _ = http.ask("PUT", f"/devices/{name}", {"deviceId": name})
        if status == 409:
            status, body, _ = http.ask("GET", f"/devices/{name}")
        self.assertEqual(status, 200)
        return json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]

    def mqtt(self, key, name="d", heard=lambda *_: None, subscribe=False):
        link = Mqtt(self.hub, name, key, heard, subscribe)
        self.links.append(link)
        self.assertTrue(link.wait(lambda: link.subscribed if subscribe else link.accepted))
        return link

    def send(self, link, body):
        """Telemetry; whether it was acknowledged before the link ended."""
        answers = []
        link.publish("devices/d/messages/events/", body.encode(), answers.append)
        link.wait(lambda: answers)
        return answers == [True]

    def send_until_refused(self, link, size, most):
        acknowledged = []
        while len(acknowledged) < most and self.send(link, f"{len(acknowledged)} " + "x" * size):
            acknowledged.append(len(acknowledged))
        self.assertLess(len(acknowledged), most, "nothing was refused")
        return acknowledged

    def stored(self):
        """The numbers at the front of the bodies of d's telemetry."""
        with contextlib.closing(sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'event_[0-9]*'")
            return [
                int(bytes(body).split()[0])
                for (table,) in tables.fetchall()
                for (body,) in database.execute(
                    f"SELECT body FROM {table} WHERE source = 'Telemetry' AND device_id = 'd' ORDER BY sequence_number"
                )
            ]

    def assert_no_spin(self, seconds=1.0):
        # A hub that spins does so in every second; one that has just started makes its RSA key in one of them.
        shares = []
        for _ in range(3):
            before = self.hub.cpu_seconds()
            time.sleep(seconds)
            shares.append((self.hub.cpu_seconds() - before) / seconds)
            if shares[-1] < 0.25:
                return
        self.fail(f"the hub spins: it takes {shares} of a processor")

    def assert_still_there(self, acknowledged):
        found = self.stored()
        self.assertEqual(found[: len(acknowledged)], acknowledged)
        self.assertLessEqual(len(found), len(acknowledged) + 1)  # the one that was not acknowledged may be there

    def run_out_of_space(self):
        key = self.device()
        acknowledged = self.send_until_refused(self.mqtt(key), 20_000, 2_000)
        self.assertGreater(len(acknowledged), 5)
        # Reading goes on, writing is refused with 500, and the log says why.
        self.assertEqual(self.http().ask("GET", "/devices/d")[0], 200)
        self.assertEqual(self.http().ask("PUT", "/devices/other", {"deviceId": "other", "tags": {}})[0], 500)
        self.assertRegex(self.hub.log(), r"could not be committed and are dropped|the storage failed")
        self.assert_no_spin()
        self.assertEqual(self.hub.process.poll(), None)
        return key, acknowledged


class DiskFull(Case):
    def test_a_file_that_may_not_grow(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

        self.hub.start(preexec_fn=limit)
        _, acknowledged = self.run_out_of_space()
        self.hub.stop()
        self.hub.start()
        self.assert_still_there(acknowledged)
        self.assertTrue(self.send(self.mqtt(self.device()), f"{len(acknowledged)}"))

    def test_a_full_file_system_and_room_again(self):
        small = self.folder / "data"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", small], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("a file system can be mounted by root only")
        self.mounted.append(small)
        filler = small / "filler"
        filler.write_bytes(bytes(1_500_000))
        self.hub.start()
        key, acknowledged = self.run_out_of_space()
        filler.unlink()
        again = self.mqtt(key)
        self.assertTrue(self.send(again, f"{len(acknowledged)}"), self.hub.log()[-1000:])
        found = self.stored()
        self.assertEqual(found[: len(acknowledged)], acknowledged)
        self.hub.kill()
        self.hub.start()
        self.assertEqual(self.stored(), found)
        self.hub.stop()


class ReadOnlyFolder(Case):
    def as_nobody(self):
        """Root may write everywhere: the hub runs as somebody else. The options of Popen."""
        if os.geteuid() != 0:
            return {}
        shutil.copy(BINARY, self.folder / "hub")
        self.hub.binary = self.folder / "hub"
        self.hub.ready_file = self.folder / "open" / "ready.json"
        (self.folder / "open").mkdir()
        for folder in (self.folder / "open", self.folder / "ca"):
            folder.mkdir(exist_ok=True)
            for path in [folder, *folder.iterdir()]:
                os.chown(path, 65534, 65534)
        self.folder.chmod(0o755)
        return {"user": 65534, "group": 65534}

    def refused(self, options):
        began = time.monotonic()
        self.hub.spawn(**options)
        self.hub.await_end(1)
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn(str(self.hub.data), self.hub.log())
        self.assertRegex(self.hub.log(), "(?i)permission denied|readonly|read-only|writable")
        self.assertEqual(len(self.hub.log().strip().splitlines()), 1, self.hub.log())

    def test_a_folder_for_new_data(self):
        self.hub.data.mkdir()
        self.hub.data.chmod(0o555)
        self.refused(self.as_nobody())

    def test_data_that_may_not_be_written(self):
        self.hub.start()
        self.device()
        self.hub.stop()
        for file in self.hub.data.iterdir():
            file.chmod(0o444)
        self.hub.data.chmod(0o555)
        options = self.as_nobody()
        before = self.hub.database.read_bytes()
        self.refused(options)
        self.assertEqual(self.hub.database.read_bytes(), before)


class OutOfDescriptors(Case):
    def test_more_clients_than_descriptors(self):
        self.hub.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        key = self.device()
        link = self.mqtt(key)
        crowd = [socket.create_connection(("127.0.0.1", self.hub.ports["https"])) for _ in range(100)]
        time.sleep(0.3)
        self.assertTrue(self.send(link, "0"), "a link from before is disturbed")
        self.assert_no_spin(2)
        self.assertRegex(self.hub.log(), "(?i)too many open files")
        self.assertLess(len(self.hub.log().splitlines()), 60, "the log is flooded")
        for each in crowd:
            each.close()
        self.assertEqual(self.http().ask("GET", "/devices/d")[0], 200)
        self.assertTrue(self.send(self.mqtt(key), "1"))
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.stored(), [0, 1])


    def test_a_soft_limit_is_no_limit(self):
        """As shells give 1024 of many more: the hub takes what it may without asking."""
        self.hub.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 1024)))
        link = self.mqtt(self.device())
        crowd = [socket.create_connection(("127.0.0.1", self.hub.ports["https"])) for _ in range(200)]
        self.assertEqual(self.http().ask("GET", "/devices/d")[0], 200)
        self.assertTrue(self.send(link, "0"))
        self.assertNotRegex(self.hub.log(), "(?i)too many open files")
        for each in crowd:
            each.close()


class SteppingClock(Case):
    def setUp(self):
        super().setUp()
        self.offset = self.folder / "offset"
        self.step(0)
        environment = {**os.environ, "LD_PRELOAD": STEPPING_CLOCK, "STEPPING_CLOCK": str(self.offset)}
        # A sanitized hub would refuse to have its runtime behind another library.
        environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.hub.start(env=environment)

    def step(self, seconds):
        self.offset.write_text(str(seconds))

    def send_c2d(self, text):
        amqp = Amqp(self.hub, self.hub.policy_key)
        self.links.append(amqp)
        answers = []
        amqp.transfer("/devices/d/messages/devicebound", text, text.encode(), answers.append)
        self.assertTrue(amqp.wait(lambda: answers))
        self.assertEqual(answers, [True])

    def test_a_clock_that_is_set_back(self):
        key = self.device()
        link = self.mqtt(key)
        self.assertTrue(self.send(link, "0"))
        self.send_c2d("before")
        self.assertEqual(self.http().ask("PATCH", "/twins/d", {"tags": {"a": 1}})[0], 200)
        authorization = sas("localhost/devices/d", key)
        pulled = self.http().ask("GET", "/devices/d/messages/deviceBound", None, authorization)
        self.assertEqual((pulled[0], pulled[1]), (200, b"before"))

        self.step(-7200)
        self.assertTrue(self.send(link, "1"), "a live link ends")
        self.assertTrue(self.send(self.mqtt(key, "d"), "2"))
        self.assertEqual(self.http().ask("PATCH", "/twins/d", {"tags": {"a": 2}})[0], 200)
        lock = pulled[2]["etag"].strip('"')
        done = self.http().ask("DELETE", f"/devices/d/messages/deviceBound/{lock}", None, authorization)
        self.assertEqual(done[0], 204, "the lock is lost")
        self.send_c2d("after")
        heard = []
        self.mqtt(key, heard=lambda _, __, body, ___: heard.append(body), subscribe=True).ping()
        self.assertEqual(heard, [b"after"])
        self.assert_no_spin()
        self.hub.kill()
        self.hub.start()
        self.assertEqual(self.stored(), [0, 1, 2])
        self.hub.stop()

    def test_a_clock_that_is_set_ahead(self):
        """Past every expiry: links end with their tokens, and the message has expired; new tokens are no problem."""
        key = self.device()
        self.assertTrue(self.send(self.mqtt(key), "0"))
        self.send_c2d("gone")
        self.step(1800)
        heard = []
        self.assertTrue(self.send(self.mqtt(key, heard=lambda _, __, body, ___: heard.append(body), subscribe=True), "1"))
        self.assertEqual(heard, [b"gone"])
        self.assert_no_spin()
        self.step(40 * 86400)
        with contextlib.suppress(Dead):
            self.assertEqual(self.http().ask("GET", "/devices/d")[0], 401)  # our token is long over there
        self.assert_no_spin()
        self.hub.stop()


class SchemaVersions(Case):
    def test_an_older_schema_is_taken_over_with_all_it_holds(self):
        """The dump is of a hub of schema version 2: a device, its module and twin, a message each way."""
        self.hub.data.mkdir()
        with contextlib.closing(sqlite3.connect(self.hub.database)) as database:
            database.executescript((HERE / "schema_2.sql").read_text())
        self.hub.start()
        http = self.http()
        key = self.device()
        self.assertEqual(key, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        self.assertEqual(http.ask("GET", "/devices/d/modules/m")[0], 200)
        twin = json.loads(http.ask("GET", "/twins/d")[1])
        self.assertEqual(twin["tags"], {"old": True})
        self.assertEqual(twin["properties"]["desired"]["$version"], 2)
        self.assertEqual(twin["properties"]["reported"]["n"], 1)
        self.assertEqual(twin["cloudToDeviceMessageCount"], 1)
        self.assertEqual(self.stored(), [0])
        heard = []
        link = self.mqtt(key, heard=lambda _, __, body, ___: heard.append(body), subscribe=True)
        self.assertTrue(self.send(link, "1"))
        self.assertEqual(heard, [b"old message"])
        self.assertEqual(self.stored(), [0, 1])
        self.hub.stop()


class EndUnderLoad(Case):
    def test_sigterm_ends_soon_and_loses_nothing(self):
        self.hub.start()
        link = self.mqtt(self.device())
        acknowledged = []
        for number in range(20_000):
            link.publish("devices/d/messages/events/", str(number).encode(),
                         lambda known, number=number: acknowledged.append(number) if known else None)  # fmt: skip
            if number == 10_000:
                self.hub.ask_to_end()
                began = time.monotonic()
            if number % 50 == 0:
                link.read()
            if link.dead:
                break
        self.hub.await_end()
        self.assertLess(time.monotonic() - began, 5)
        self.assertGreater(len(acknowledged), 0)
        self.hub.start()
        found = self.stored()
        self.assertEqual(found, list(range(len(found))))
        self.assertGreaterEqual(len(found), len(acknowledged))
        self.hub.stop()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
