"""Who may come in, what is told to whom, and that the hub goes out nowhere: docs/robustness.md, "Security".

    security_test.py BINARY [unittest arguments]

Python's standard library only. What needs a network namespace of its own is skipped where none may be made.
"""

import base64
import contextlib
import fcntl
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from urllib.parse import quote, unquote

from hub import Hub
from wire import Amqp, Http, Link, Mqtt, sas

BINARY = sys.argv[1]
TOKEN = "controltoken0123456789"
BANNER_BEGIN, BANNER_END = "is ready\n", "\n\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="security-"))
        self.hub = Hub(BINARY, self.folder)
        self.links = []

    def tearDown(self):
        for link in self.links:
            link.died()
        self.hub.kill()
        shutil.rmtree(self.folder)

    def kept(self, link):
        self.links.append(link)
        return link

    def plain_http(self, method, path, headers=None, body=None, address="127.0.0.1", port="portal"):
        connection = http.client.HTTPConnection(address, self.hub.ports[port], timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data.decode(errors="replace")

    def device(self, name):
        http_link = self.kept(Http(self.hub, self.hub.policy_key))
        status, body, _ = http_link.ask("PUT", f"/devices/{name}", {"deviceId": name})
        self.assertEqual(status, 200, body)
        return json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]


def in_own_namespace():
    return len(socket.if_nameindex()) == 1


def other_address():
    """Of this machine, not of the loopback; nothing where it has none."""
    made = "198.51.100.7"  # of TEST-NET-2
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if in_own_namespace() and shutil.which("ip", path=path):
        subprocess.run(["ip", "address", "replace", f"{made}/32", "dev", "lo"], check=True, env={"PATH": path})
        return made
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            got = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()[:15]))  # SIOCGIFADDR
            address = socket.inet_ntoa(got[20:24])
            if not address.startswith("127."):
                return address
    return None


# ---- who can reach it -----------------------------------------------------------------------------------------------


class Listening(Case):
    def listening(self):
        """The local addresses of the hub's listening sockets, as /proc writes them."""
        descriptors = pathlib.Path(f"/proc/{self.hub.process.pid}/fd")
        inodes = {match[1] for each in descriptors.iterdir()
                  if (match := re.match(r"socket:\[(\d+)\]", os.readlink(each)))}  # fmt: skip
        found = set()
        for table in ("tcp", "tcp6"):
            for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    found.add(fields[1].split(":")[0])
        return found

    def test_by_default_every_port_is_for_this_machine_only(self):
        self.hub.start()
        loopback = {"0100007F", "00000000000000000000000001000000"}
        self.assertTrue(self.listening())
        self.assertLessEqual(self.listening(), loopback)
        self.assertNotIn("NOT ONLY ON THIS MACHINE", self.hub.log())

    def test_a_hub_that_listens_wide_says_so_loudly(self):
        self.hub.start("--listen", "0.0.0.0", "--log-level", "warning")
        self.assertIn("00000000", self.listening())
        self.assertRegex(self.hub.log(), r"warning LISTENING ON 0\.0\.0\.0, NOT ONLY ON THIS MACHINE'S LOOPBACK")

    def test_the_control_api_is_for_this_machine_unless_it_has_a_token(self):
        address = other_address()
        if address is None:
            self.skipTest("this machine has no address beside the loopback")
        asked = ("GET", "/_emulator/connection-strings")
        self.hub.start("--listen", "0.0.0.0", "--host-name", address)
        self.assertEqual(self.plain_http(*asked)[0], 200)
        status, body = self.plain_http(*asked, address=address)
        self.assertEqual(status, 403)
        self.assertIn("for this machine only", body)
        self.assertNotIn(self.hub.policy_key, body)
        self.assertEqual(self.plain_http("GET", "/_emulator/service/devices?api-version=2021-04-12", address=address)[0], 403)
        self.assertEqual(self.plain_http("GET", "/_emulator/health", address=address)[0], 200)
        self.hub.stop()

        self.hub.start("--listen", "0.0.0.0", "--host-name", address, "--control-token", TOKEN)
        for where in ("127.0.0.1", address):
            self.assertEqual(self.plain_http(*asked, address=where)[0], 401)
            self.assertEqual(self.plain_http(*asked, {"Authorization": f"Bearer {TOKEN}x"}, address=where)[0], 401)
            self.assertEqual(self.plain_http(*asked, {"Authorization": f"Bearer {TOKEN}"}, address=where)[0], 200)

    def test_a_page_of_another_site_may_not_use_the_control_api(self):
        self.hub.start()
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(self.plain_http("POST", "/_emulator/reset", headers)[0], 403, headers)


# ---- what lies on the disk ------------------------------------------------------------------------------------------


class Files(Case):
    def test_files_are_for_their_owner_whatever_the_umask(self):
        outbox = self.folder / "hot.jsonl"
        routes = self.folder / "routes.json"
        routes.write_text(json.dumps({"routing": {
            "endpoints": [{"name": "hot", "type": "file", "path": str(outbox)}],
            "routes": [{"name": "all", "source": "DeviceMessages", "condition": "true", "endpointNames": ["hot", "events"]}]}}))  # fmt: skip
        home = self.folder / "home"
        home.mkdir(0o755)
        environment = {**os.environ, "XDG_DATA_HOME": str(home), "TMPDIR": str(home)}
        before = {routes, home, self.hub.log_file}
        self.hub.start("--routes", routes, preexec_fn=lambda: os.umask(0), env=environment)
        key = self.device("d")
        link = self.kept(Mqtt(self.hub, "d", key, lambda *_: None))
        answers = []
        link.publish("devices/d/messages/events/", b"{}", answers.append)
        self.assertTrue(link.wait(lambda: answers))
        self.upload(key)
        self.assertEqual(self.plain_http("PUT", "/_emulator/snapshots/s")[0] // 100, 2)
        made = set(self.folder.rglob("*")) - before
        self.assertGreater(len(made), 8, made)
        for path in made:
            mode = stat.S_IMODE(path.lstat().st_mode)
            # The CA's certificate is for everybody.
            allowed = 0o700 if path.is_dir() else 0o644 if path.name == "ca.pem" else 0o600
            self.assertEqual(mode & ~allowed, 0, f"{path.relative_to(self.folder)} has mode {mode:o}")
        self.hub.stop()

    def upload(self, key):
        """A blob of a device, as its SDK puts it there."""
        http_link = self.kept(Http(self.hub, self.hub.policy_key))
        authorization = sas("localhost/devices/d", key)
        status, body, _ = http_link.ask("POST", "/devices/d/files", {"blobName": "b"}, authorization)
        self.assertEqual(status, 200, body)
        said = json.loads(body)
        path = f"/{said['hostName'].partition('/')[2]}/{said['containerName']}/{said['blobName']}{said['sasToken']}"
        path = path.replace("//", "/")
        context = self.hub.tls
        connection = http.client.HTTPSConnection("localhost", self.hub.ports["https"], context=context, timeout=20)
        connection.request("PUT", path, b"x" * 100_000, {"x-ms-blob-type": "BlockBlob"})
        self.assertEqual(connection.getresponse().status, 201)
        connection.close()
        return said["sasToken"]


# ---- what is told ---------------------------------------------------------------------------------------------------


class PutToken(Amqp):
    """Puts tokens through $cbs; what the hub makes of them does not matter here."""

    def __init__(self, hub, token):
        Link.__init__(self, hub, hub.ports["amqps"])
        self.unsettled, self.seen = {}, b""
        properties = b"".join(self.value(each) for each in (
            "operation", "put-token", "type", "servicebus.windows.net:sastoken", "name", "localhost/devices/d"))  # fmt: skip
        section = b"\0\x53\x74\xd1" + struct.pack(">II", len(properties) + 4, 6) + properties
        attach = lambda name, handle, receives: self.frame(0x12, [  # noqa: E731
            name, handle, receives, None, None, self.described(0x28, ["$cbs"]), self.described(0x29, ["$cbs"]), None, None, 0])  # fmt: skip
        self.send(
            b"AMQP\0\1\0\0" + self.frame(0x10, ["x", "localhost"]) + self.frame(0x11, [None, 0, 65535, 65535])
            + attach("in", 0, False) + attach("out", 1, True)
            + self.frame(0x14, [0, 0, b"t", 0, False, False], section + b"\0\x53\x77" + self.value(token))
        )  # fmt: skip

    def take(self):
        self.seen += bytes(self.received)
        self.received.clear()

    def settled(self):
        return self.wait(lambda: b"\0\x53\x15" in self.seen or b"\0\x53\x18" in self.seen)


class Secrets(Case):
    def traffic(self):
        """Good and bad tokens everywhere one can be shown; all that must not be told again."""
        secrets = {self.hub.policy_key, TOKEN}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        key, key2 = self.device("d"), self.device("d2")
        secrets |= {key, key2}
        wrong = base64.b64encode(b"wrong key, quite wrong, 32 bytes").decode()

        def token(resource, signed_with, policy=None):
            made = sas(resource, signed_with, policy)
            signature = re.search("sig=([^&]*)", made)[1]
            secrets.update({signature, unquote(signature)})
            return made

        over_http = self.kept(Http(self.hub, self.hub.policy_key))
        secrets.update({re.search("sig=([^&]*)", over_http.authorization)[1]})
        broken = "SharedAccessSignature sr=localhost&sig=brokensignature%2Bof%2Bnothing&se=soon&skn=iothubowner"
        secrets |= {"brokensignature%2Bof%2Bnothing", "brokensignature+of+nothing"}
        for authorization in (
            token("localhost", self.hub.policy_key, "iothubowner"),
            token("localhost", wrong, "iothubowner"),
            token("localhost", self.hub.policy_key, "nosuchpolicy"),
            token("other.host", self.hub.policy_key, "iothubowner"),
            token("localhost", self.hub.policy_key, "device"),
            broken, "Bearer secretbearer0123456789", "Basic c2VjcmV0YmFzaWM6eA==",
        ):  # fmt: skip
            over_http.ask("GET", "/devices/d", None, authorization)
            over_http.ask("GET", "/no/such/path", None, authorization)
            over_http.ask("POST", "/devices/d/messages/events", {}, authorization)
        secrets |= {"secretbearer0123456789", "c2VjcmV0YmFzaWM6eA"}
        # A client that puts its key or token where it does not belong.
        over_http.ask("PUT", "/devices/d3", {"deviceId": "d3", "authentication": {
            "type": "sas", "symmetricKey": {"primaryKey": wrong, "secondaryKey": wrong}}})  # fmt: skip
        over_http.ask("PUT", "/devices/d4", {"deviceId": "d4", "authentication": {
            "type": "sas", "symmetricKey": {"primaryKey": wrong + "!", "secondaryKey": wrong}}})  # fmt: skip
        over_http.ask("POST", "/devices", [{"id": "d5", "importMode": "create", "authentication": {
            "symmetricKey": {"primaryKey": wrong, "secondaryKey": key}}}])  # fmt: skip
        secrets.add(wrong)

        good = self.kept(Mqtt(self.hub, "d", key, lambda *_: None))
        self.assertTrue(good.wait(lambda: good.subscribed))
        answers = []
        good.publish("devices/d/messages/events/", b"{}", answers.append)
        self.assertTrue(good.wait(lambda: answers))
        for name, password in (("d", token("localhost/devices/d", wrong)), ("d", token("localhost/devices/d2", key2)),
                               ("d", broken), ("d", key), ("nobody", token("localhost/devices/nobody", wrong))):  # fmt: skip
            self.mqtt_refused(name, password)
        Amqp(self.hub, self.hub.policy_key).died()
        for name, password in (("iothubowner@sas.root.localhost", token("localhost", wrong, "iothubowner")),
                               ("d@sas.localhost", token("localhost/devices/d2", key2)), ("x", broken), ("x", key)):  # fmt: skip
            self.plain_refused(name, password)
        for shown in (token("localhost/devices/d", key), token("localhost/devices/d", wrong), broken, key):
            link = self.kept(PutToken(self.hub, shown))
            self.assertTrue(link.settled(), shown)

        for shown in (headers, {"Authorization": "Bearer wrongcontroltoken"}, {}):
            self.plain_http("GET", "/_emulator/connection-strings", shown)
        self.plain_http("GET", f"/_emulator/messages?token={TOKEN}")
        self.plain_http("GET", "/_emulator/messages?token=wrongcontroltoken")
        self.plain_http("GET", f"/_emulator/nothing?token={TOKEN}")
        secrets.add("wrongcontroltoken")
        seed = {"devices": [{"deviceId": "d6", "authentication": {"symmetricKey": {"primaryKey": wrong}}}]}
        self.plain_http("POST", "/_emulator/seed", {**headers, "Content-Type": "application/json"}, json.dumps(seed))
        self.plain_http("POST", "/_emulator/seed", {**headers, "Content-Type": "application/json"}, json.dumps(seed)[:-9])

        blob = Files.upload(self, key)
        signature = re.search("sig=([^&]*)", blob)[1]
        secrets |= {signature, unquote(signature)}
        for path in (f"/nothing{blob}", f"/devices/d{blob}&api-version=2021-04-12"):
            over_http.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            over_http.waiting.append(None)
        self.assertEqual(over_http.ask("GET", "/devices/d")[0], 200)
        return secrets

    def mqtt_refused(self, name, password):
        link = self.kept(Mqtt.__new__(Mqtt))
        Link.__init__(link, self.hub, self.hub.ports["mqtts"])
        link.unacknowledged, link.take = {}, lambda: None
        fields = [name, f"localhost/{name}/?api-version=2021-04-12", password]
        link.send(Mqtt.packet(0x10, b"\0\4MQTT\4\xc2\0\x3c" + b"".join(Mqtt.text(each) for each in fields)))
        self.assertFalse(link.wait(lambda: False))

    def plain_refused(self, name, password):
        link = self.kept(Amqp.__new__(Amqp))
        Link.__init__(link, self.hub, self.hub.ports["amqps"])
        link.unsettled, link.take = {}, lambda: None
        response = b"\0" + name.encode() + b"\0" + password.encode()
        link.send(b"AMQP\3\1\0\0" + Amqp.frame(0x41, [("sym", "PLAIN"), response], sasl=True))
        self.assertTrue(link.wait(lambda: b"\0\x53\x44" in link.received))

    def test_no_key_and_no_token_is_in_the_log_at_any_level(self):
        for level in ("trace", "debug", "info", "warning", "error"):
            for form in ("text", "json"):
                with self.subTest(level=level, form=form):
                    self.hub.start("--log-level", level, "--log-format", form, "--control-token", TOKEN)
                    secrets = self.traffic()
                    self.hub.stop()
                    log = self.hub.log()
                    # The block at the start is there to be pasted from.
                    begin = log.index(BANNER_BEGIN)
                    log = log[:begin] + log[log.index(BANNER_END, begin) :]
                    if level in ("trace", "debug", "info"):
                        self.assertGreater(len(log.splitlines()), 40, "nothing was logged")
                    for secret in secrets:
                        self.assertNotIn(secret, log)
                    shutil.rmtree(self.hub.data)

    def test_no_key_and_no_token_is_in_what_the_control_api_tells_of_traffic(self):
        self.hub.start("--control-token", TOKEN)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        stream = http.client.HTTPConnection("127.0.0.1", self.hub.ports["portal"], timeout=60)
        stream.request("GET", "/_emulator/protocol", headers=headers)
        followed = stream.getresponse()
        heard = bytearray()

        def follow():
            with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
                while part := followed.read1(65536):
                    heard.extend(part)

        follower = threading.Thread(target=follow)
        follower.start()
        secrets = self.traffic()
        told = ""
        for path in ("explain?device=d", "explain?device=nobody", "metrics", "connections", "messages", "routing"):
            status, body = self.plain_http("GET", f"/_emulator/{path}", headers)
            self.assertEqual(status, 200, f"{path}: {body}")
            told += body
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            stream.sock.shutdown(socket.SHUT_RDWR)
        follower.join(10)
        followed.close()
        stream.close()
        told += heard.decode(errors="replace")
        self.assertIn("CONNECT", told.upper())
        for secret in secrets:
            self.assertNotIn(secret, told)


# ---- where it goes --------------------------------------------------------------------------------------------------


def counters():
    """This namespace's: {protocol: {name: value}}."""
    lines = pathlib.Path("/proc/net/snmp").read_text().splitlines()
    found = {}
    for names, values in zip(lines[::2], lines[1::2]):
        protocol, _, rest = names.partition(": ")
        found[protocol] = dict(zip(rest.split(), map(int, values.partition(": ")[2].split())))
    return found


class NoWayOut(Secrets):
    """In a network namespace the kernel counts each connection that is opened: those of this test, and no other."""

    test_no_key_and_no_token_is_in_the_log_at_any_level = None
    test_no_key_and_no_token_is_in_what_the_control_api_tells_of_traffic = None

    def setUp(self):
        if not in_own_namespace():
            self.skipTest("not in a network namespace of its own (scripts/own-network)")
        super().setUp()
        self.opened = 0
        connect, case = socket.socket.connect, self

        def counted(each, address):
            if each.family != socket.AF_UNIX and each.type & 0xF == socket.SOCK_STREAM:
                case.opened += 1
            return connect(each, address)

        socket.socket.connect = counted
        self.addCleanup(setattr, socket.socket, "connect", connect)

    def test_the_hub_opens_no_connection_but_what_is_configured(self):
        before = counters()
        self.hub.start("--control-token", TOKEN)
        self.traffic()
        self.hub.stop()
        after = counters()
        self.assertGreater(self.opened, 20)
        self.assertEqual(after["Tcp"]["ActiveOpens"] - before["Tcp"]["ActiveOpens"], self.opened)
        self.assertEqual(after["Udp"]["OutDatagrams"] - before["Udp"]["OutDatagrams"], 0)
        self.assertEqual(after["Ip"]["OutNoRoutes"] - before["Ip"]["OutNoRoutes"], 0)

    def test_a_webhook_that_is_configured_is_seen_by_this_count(self):
        taken = threading.Event()

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                taken.set()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        routes = self.folder / "routes.json"
        routes.write_text(json.dumps({"routing": {
            "endpoints": [{"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{server.server_port}/"}],
            "routes": [{"name": "all", "source": "DeviceMessages", "condition": "true", "endpointNames": ["hook"]}]}}))  # fmt: skip
        before = counters()
        self.hub.start("--routes", routes)
        link = self.kept(Mqtt(self.hub, "d", self.device("d"), lambda *_: None))
        link.publish("devices/d/messages/events/", b"{}")
        self.assertTrue(taken.wait(20))
        self.hub.stop()
        server.shutdown()
        server.server_close()
        self.assertEqual(counters()["Tcp"]["ActiveOpens"] - before["Tcp"]["ActiveOpens"], self.opened + 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
