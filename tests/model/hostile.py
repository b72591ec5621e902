"""What hostile connections cost the hub and its other clients: hostile.py BINARY [--connections N] [--only PART,...]

Each part starts a hub of its own. A well-behaved device in a process of its own publishes telemetry all the while and
times each acknowledgement.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import resource
import select
import shutil
import socket
import ssl
import statistics
import struct
import sys
import tempfile
import time
import zlib

from hub import Hub
from wire import Amqp, Dead, Http, Mqtt, sas

GOAL_KIB = 64  # of the hub's memory for a client that has not proved who it is
PATIENCE = 50  # seconds until the hub must have closed a connection that gets nowhere; it gives them 30


# ---- the device that is to be unharmed ------------------------------------------------------------------------------


class Bystander:
    """A device whose publish-to-PUBACK times are measured in a process of its own, one message each 5 ms."""

    def __init__(self, hub):
        http = Http(hub, hub.policy_key)
        status, body, _ = http.ask("PUT", "/devices/bystander", {"deviceId": "bystander"})
        assert status == 200, body
        http.died()
        key = json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]
        self.pipe, theirs = multiprocessing.Pipe()
        # Forked before the attack opens its sockets, none of which it may hold.
        self.process = multiprocessing.get_context("fork").Process(target=self.publish, args=(hub, key, theirs))
        self.process.start()
        theirs.close()
        assert self.pipe.recv() == "connected"

    @staticmethod
    def publish(hub, key, pipe):
        link = Mqtt(hub, "bystander", key, lambda *_: None, subscribe=False)
        assert link.wait(lambda: link.accepted)
        # What it sends later is to find SQLite's cache of pages full, or its growth would look like the attacker's.
        stored = []
        for _ in range(400):
            link.publish("devices/bystander/messages/events/", bytes(10_000), stored.append)
        assert link.wait(lambda: len(stored) == 400, 60)
        pipe.send("connected")
        times = []
        while True:
            answered = []
            began = time.perf_counter()
            link.publish("devices/bystander/messages/events/", b"x", answered.append)
            alive = link.wait(lambda: answered, 60)
            times.append(time.perf_counter() - began)
            if not alive or answered != [True]:
                pipe.send("dead")
                return
            if pipe.poll(0.005):
                if pipe.recv() == "end":
                    return
                pipe.send(times)
                times = []

    def times(self):
        """Since the last call: (median, 99th percentile, longest) in ms."""
        self.pipe.send("times")
        times = self.pipe.recv()
        assert times != "dead", "the well-behaved device lost its link"
        times = sorted(each * 1000 for each in times)
        return statistics.median(times), times[int(len(times) * 0.99)], times[-1]

    def end(self):
        with contextlib.suppress(OSError):
            self.pipe.send("end")
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()


class Part:
    """A hub, its bystander, and the attacker's connections."""

    def __init__(self, binary):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hostile-"))
        self.hub = Hub(binary, self.folder)
        self.connections = []

    def __enter__(self):
        self.hub.start("--log-level", "warning")
        self.bystander = Bystander(self.hub)
        time.sleep(1)  # the RSA key, made after the start, is no part of what is measured
        self.quiet = self.bystander.times()
        self.memory_before, self.descriptors_before = self.memory(), self.descriptors()
        self.cpu_before = self.hub.cpu_seconds()
        return self

    def __exit__(self, *_):
        for each in self.connections:
            each.close()
        self.bystander.end()
        self.hub.kill()
        shutil.rmtree(self.folder)

    def memory(self):
        """Resident KiB."""
        for line in pathlib.Path(f"/proc/{self.hub.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1])

    def descriptors(self):
        """Sockets."""
        found = 0
        for each in pathlib.Path(f"/proc/{self.hub.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found += os.readlink(each).startswith("socket:")
        return found

    def opened(self):
        return self.descriptors() - self.descriptors_before

    # ---- connections ----

    def tcp(self, port="https"):
        each = socket.create_connection(("127.0.0.1", self.hub.ports[port]), timeout=20)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections.append(each)
        return each

    def tls(self, first=b"", port="https"):
        plain = self.tcp(port)
        self.connections.pop()
        each = self.hub.tls.wrap_socket(plain, server_hostname="localhost")
        self.connections.append(each)
        send(each, first)
        return each

    def websocket(self, first=b""):
        each = self.tls(UPGRADE)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += each.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        send(each, first)
        return each

    def amqp(self, header=b"AMQP\0\1\0\0", first=b""):
        each = self.tls(header)
        assert each.recv(8, 0).startswith(b"AMQP")
        send(each, first)
        return each


def send(connection, data):
    """As much as the hub takes."""
    with contextlib.suppress(OSError):
        connection.settimeout(20)
        connection.sendall(data)


def has_ended(connection):
    """Whether the hub has closed it; reads what came."""
    connection.settimeout(0)
    try:
        while connection.recv(65536):
            pass
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        pass
    return True


UPGRADE = (
    b"GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
HEAD = b"PUT /devices/x?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n"


def client_hello(context):
    """The bytes that a client would send first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def long_client_hello():
    """The first record of a ClientHello that says it has 131,000 bytes."""
    body = b"\1" + (131_000).to_bytes(3, "big") + b"\3\3" + bytes(16_000)
    return b"\x16\3\1" + struct.pack(">H", len(body)) + body


def mqtt_connect(size):
    """A CONNECT of that size, will included, as far as its last byte but one."""
    user = b"localhost/d/?api-version=2021-04-12"
    rest = b"\0\4MQTT\4\xc6\0\x3c" + b"\0\1d"
    fill = size - len(rest) - len(user) - 40
    return Mqtt.packet(0x10, rest + Mqtt.text("devices/d/messages/events/") + struct.pack(">H", fill) + bytes(fill) +
                       struct.pack(">H", len(user)) + user + b"\0\1x")[:-1]  # fmt: skip


def frame_head(length, first=0x82):
    """A client's WebSocket frame whose mask is zero, announced."""
    if length < 126:
        return bytes([first, 0x80 | length]) + bytes(4)
    if length < 65536:
        return bytes([first, 0xFE]) + struct.pack(">H", length) + bytes(4)
    return bytes([first, 0xFF]) + struct.pack(">Q", length) + bytes(4)


def amqp_flood(sessions, links):
    """An open, then that many sessions of so many links, in short frames."""
    frames = Amqp.frame(0x10, ["attacker", "localhost"])
    for channel in range(sessions):
        begin = bytearray(Amqp.frame(0x11, [None, 0, 65535, 65535]))
        begin[6:8] = struct.pack(">H", channel)
        frames += begin
        for handle in range(links):
            source, target = Amqp.described(0x28, ["$cbs"]), Amqp.described(0x29, ["$cbs"])
            attach = bytearray(Amqp.frame(0x12, [f"l{handle}", handle, handle % 2 == 1, None, None, source, target,
                                                 None, None, 0]))  # fmt: skip
            attach[6:8] = struct.pack(">H", channel)
            frames += attach
    return frames


def amqp_unfinished_token():
    """A token for $cbs in many transfers of which each says that more comes."""
    target = Amqp.described(0x29, ["$cbs"])
    frames = Amqp.frame(0x10, ["attacker", "localhost"]) + Amqp.frame(0x11, [None, 0, 65535, 65535])
    frames += Amqp.frame(0x12, ["cbs", 0, False, None, None, Amqp.described(0x28, []), target, None, None, 0])
    for _ in range(60):
        frames += Amqp.frame(0x14, [0, 0, b"tag", 0, False, True], bytes(4000))
    return frames


def amqp_brim(part):
    """As much of everything as is borne: two links, an unfinished token of 2 KB, a frame of 4 KB but for a byte."""
    connection, flow, said = part.amqp(first=amqp_flood(1, 2)), b"\x00\x53\x13", b""
    while said.count(flow) < 1:
        said += connection.recv(4096)
    token = Amqp.frame(0x14, [0, 0, b"tag", 0, False, True], bytes(2000))
    send(connection, token + struct.pack(">IBBH", 4096, 2, 0, 0) + bytes(4087))


PINGS = (frame_head(100, 0x89) + bytes(100)) * 1000
ANONYMOUS = b"GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000


def flood(connection, data):
    """Until the hub takes nothing more."""
    connection.settimeout(0.3)
    with contextlib.suppress(OSError):
        for _ in range(300):
            connection.sendall(data)


# ---- half open ------------------------------------------------------------------------------------------------------

# Name, how many of all connections, what opens one.
HALF_OPEN = [
    ("TCP, not a byte", 1, lambda part: part.tcp()),
    ("half a ClientHello", 1, lambda part: send(part.tcp(), client_hello(part.hub.tls)[:200])),
    ("a ClientHello of 131 KB, announced", 1, lambda part: send(part.tcp(), long_client_hello())),
    ("TLS, then nothing", 1, lambda part: part.tls()),
    ("TLS, 10 bytes of a CONNECT", 1, lambda part: part.tls(mqtt_connect(500)[:10])),
    ("TLS, a CONNECT of 32 KB but for a byte", 0.2, lambda part: part.tls(mqtt_connect(32_700))),
    ("TLS, 10 bytes of a request", 1, lambda part: part.tls(HEAD[:10])),
    ("TLS, a header of 15 KB in long fields", 0.2, lambda part: part.tls(HEAD + (b"x: " + b"y" * 995 + b"\r\n") * 15)),
    ("TLS, a header of 15 KB in short fields", 0.2, lambda part: part.tls(HEAD + b"x:y\r\n" * 3000)),
    ("TLS, 2 MB of a body but for a byte", 0.02, lambda part: part.tls(
        HEAD + b"Content-Length: 2000000\r\n\r\n" + b" " * 1_999_999)),
    ("TLS, 2 MB of a body to the control API", 0.02, lambda part: part.tls(
        b"POST /_emulator/seed HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
        b"Content-Length: 2000000\r\n\r\n" + b" " * 1_999_999)),
    ("WebSocket, then nothing", 1, lambda part: part.websocket()),
    ("WebSocket, a CONNECT of 32 KB but for a byte", 0.2,
     lambda part: part.websocket(frame_head(40_000) + mqtt_connect(32_700))),
    ("WebSocket, pings whose pongs are not read", 0.01, lambda part: flood(part.websocket(), PINGS)),
    ("TLS, requests without a token, answers not read", 0.01, lambda part: flood(part.tls(), ANONYMOUS)),
    ("AMQP, header answered", 1, lambda part: part.amqp()),
    ("AMQP, SASL header answered", 1, lambda part: part.amqp(b"AMQP\3\1\0\0")),
    ("AMQP, a frame of 64 KB but for a byte", 0.2,
     lambda part: part.amqp(first=struct.pack(">IBBH", 65536, 2, 0, 0) + bytes(65527))),
    ("AMQP, a frame of 4 KB but for a byte", 0.2,
     lambda part: part.amqp(first=struct.pack(">IBBH", 4096, 2, 0, 0) + bytes(4087))),
    ("AMQP, opened, a session and two links", 0.2, lambda part: part.amqp(first=amqp_flood(1, 2))),
    ("AMQP, every bound filled", 0.2, amqp_brim),
    ("AMQP, 200 sessions of 5 links", 0.2, lambda part: part.amqp(first=amqp_flood(200, 5))),
    ("AMQP, 240 KB of a token", 0.2, lambda part: part.amqp(first=amqp_unfinished_token())),
    ("AMQP, opened without a token", 0.2, lambda part: part.amqp(first=Amqp.frame(0x10, ["attacker", "localhost"]))),
]  # fmt: skip


def half_open(binary, total, names):
    print("| half-open connection | at once | KiB each | closed after, s | device: median, 99 %, longest ms | hub CPU ms each |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, share, open_one in HALF_OPEN:
        if names and not any(each in name for each in names):
            continue
        count = max(int(total * share), 10)
        with Part(binary) as part:
            began = time.monotonic()
            for _ in range(count):
                open_one(part)
            time.sleep(0.5)
            opened, memory = part.opened(), part.memory() - part.memory_before
            cpu = part.hub.cpu_seconds() - part.cpu_before
            device = part.bystander.times()
            # Until all but one in a hundred are gone: the last ones were opened the later.
            last_opened = time.monotonic()
            while (left := part.opened()) > count // 100 and time.monotonic() - last_opened < PATIENCE:
                time.sleep(0.5)
            closed = "never" if left > count // 100 else f"{time.monotonic() - last_opened:.0f}"
            after = part.bystander.times()
            each = f"{memory / opened:.1f}" if opened > count // 100 else "-"
            mark = " (!)" if opened > count // 100 and memory / opened > GOAL_KIB else ""
            if opened <= count // 100:
                closed = "at once"
            print(f"| {name} | {opened:,} of {count:,} | {each}{mark} | {closed} | {device[0]:.2f}, {device[1]:.1f}, "
                  f"{max(device[2], after[2]):.0f} | {cpu / count * 1000:.2f} |", flush=True)  # fmt: skip
            assert last_opened - began < 600


# ---- byte by byte ---------------------------------------------------------------------------------------------------


def slow_loris(binary, count):
    """One byte each half second; what the hub's time-outs make of it."""
    with Part(binary) as part:
        hello = client_hello(part.hub.tls)
        body = HEAD + b"Content-Length: 1000\r\n\r\n"
        kinds = {
            "TLS handshake": lambda: (part.tcp(), hello),
            "HTTP header": lambda: (part.tls(), HEAD + b"X: " + b"y" * 1000),
            "HTTP body": lambda: (part.tls(body), b" " * 1000),
            "WebSocket upgrade": lambda: (part.tls(), UPGRADE),
            "MQTT CONNECT": lambda: (part.tls(), mqtt_connect(500)),
            "MQTT CONNECT in WebSocket frames of one byte": lambda: (part.websocket(), mqtt_connect(500)),
            "AMQP header": lambda: (part.tls(), b"AMQP\0\1\0\0"),
            "AMQP open": lambda: (part.amqp(), Amqp.frame(0x10, ["attacker" * 30, "localhost"])),
            "AMQP SASL init": lambda: (part.amqp(b"AMQP\3\1\0\0"), Amqp.frame(0x41, [("sym", "PLAIN"), b"x" * 500], sasl=True)),
            "WebSocket pings, no CONNECT": lambda: (part.websocket(), bytes(1000)),
        }
        slow = [(name, *begin()) for name, begin in kinds.items() for _ in range(count)]
        part.bystander.times()
        began, ended, sent = time.monotonic(), {}, 0
        while len(ended) < len(slow) and time.monotonic() - began < 3 * PATIENCE:
            for number, (name, connection, data) in enumerate(slow):
                if number in ended:
                    continue
                if has_ended(connection):
                    ended[number] = time.monotonic() - began
                    continue
                byte = data[sent : sent + 1]
                if "frames" in name:
                    byte = frame_head(1) + byte
                if "pings" in name:
                    byte = frame_head(0, 0x89)
                if sent < len(data) - 1:
                    send(connection, byte)
            sent += 1
            time.sleep(0.5)
        device = part.bystander.times()
        print("\n| byte by byte | closed after, s |\n|---|--:|")
        for name in kinds:
            times = [ended.get(n) for n, (its, *_) in enumerate(slow) if its == name]
            print(f"| {name} | {'not closed' if None in times else f'{min(times):.0f} to {max(times):.0f}'} |")
        print(f"\nThe device meanwhile: median {device[0]:.2f}, 99 % {device[1]:.1f}, longest {device[2]:.0f} ms.", flush=True)


# ---- what is too large ----------------------------------------------------------------------------------------------


def endless(connection, chunk, most=100_000_000):
    """Sends until the hub ends it: the bytes that went out, and what came back first."""
    sent, answer = 0, b""
    connection.settimeout(0.05)
    try:
        while sent < most:
            readable, writable, _ = select.select([connection], [connection], [], 20)
            if readable:
                with contextlib.suppress(ssl.SSLWantReadError, TimeoutError):
                    got = connection.recv(4096)
                    if not got:
                        break
                    answer += got
                    continue
            if not writable:
                break
            with contextlib.suppress(TimeoutError, ssl.SSLWantWriteError):
                connection.sendall(chunk)
            sent += len(chunk)
    except OSError:
        pass
    return sent, answer


def too_large(binary):
    megabyte = bytes(1 << 20)
    over_websocket = frame_head((1 << 63) - 1)
    cases = [
        ("MQTT: a CONNECT of 256 MB", lambda part: part.tls(b"\x10\xff\xff\xff\x7f"), megabyte),
        ("MQTT: a remaining length of 5 bytes", lambda part: part.tls(b"\x10\xff\xff\xff\xff\x7f"), megabyte),
        ("AMQP: a frame of 2 GB", lambda part: part.amqp(first=struct.pack(">IBBH", 1 << 31, 2, 0, 0)), megabyte),
        ("AMQP: a frame of 4 GB in the SASL layer",
         lambda part: part.amqp(b"AMQP\3\1\0\0", struct.pack(">IBBH", (1 << 32) - 1, 2, 1, 0)), megabyte),
        ("AMQP: a frame of 3 bytes", lambda part: part.amqp(first=struct.pack(">IBBH", 3, 2, 0, 0)), megabyte),
        ("HTTP: Content-Length 10^12", lambda part: part.tls(HEAD + b"Content-Length: 1000000000000\r\n\r\n"), megabyte),
        ("HTTP: Content-Length 10^30", lambda part: part.tls(HEAD + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n"), megabyte),
        ("HTTP: chunks without end", lambda part: part.tls(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
         (b"10000\r\n" + bytes(65536) + b"\r\n") * 16),
        ("HTTP: chunks of one byte without end", lambda part: part.tls(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
         b"1\r\nx\r\n" * 170_000),
        ("HTTP: a chunk of 2^63", lambda part: part.tls(HEAD + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n"), megabyte),
        ("HTTP: a header without end", lambda part: part.tls(HEAD), b"x: y\r\n" * 170_000),
        ("HTTP: a request line without end", lambda part: part.tls(b"GET /"), b"x" * (1 << 20)),
        ("HTTP: a blob without a token", lambda part: part.tls(
            b"PUT /localhost/c/b HTTP/1.1\r\nHost: localhost\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: 4000000000\r\n\r\n"), megabyte),
        ("WebSocket: a frame of 2^63-1 bytes, zeros", lambda part: part.websocket(over_websocket), megabyte),
        ("WebSocket: a CONNECT of 256 MB", lambda part: part.websocket(over_websocket + b"\x10\xff\xff\xff\x7f"), megabyte),
        ("WebSocket: a frame of 2^63 bytes", lambda part: part.websocket(b"\x82\xff" + b"\x80" + bytes(11)), megabyte),
        ("WebSocket: a ping of 64 KB", lambda part: part.websocket(b"\x89\xfe\xff\xff" + bytes(4)), megabyte),
        ("WebSocket: a compressed frame (RSV1)", lambda part: part.websocket(b"\xc2\xff" + struct.pack(">Q", 1 << 30)), megabyte),
        ("TLS: a record of 64 KB", lambda part: connected(part, b"\x16\3\1\xff\xff"), megabyte),
        ("plain zeros", lambda part: connected(part, b""), megabyte),
    ]  # fmt: skip
    with Part(binary) as part:
        print("\n| what is too large | taken before the end, KB | closed after, ms | hub grew by, KiB | said |\n|---|--:|--:|--:|---|")
        for name, begin, chunk in cases:
            before = part.memory()
            connection = begin(part)
            began = time.monotonic()
            sent, answer = endless(connection, chunk)
            took = (time.monotonic() - began) * 1000
            said = answer.split(b"\r\n")[0].decode(errors="replace") if answer.startswith(b"HTTP") else answer[:12].hex(" ")
            print(f"| {name} | {sent // 1000:,} | {took:.0f} | {part.memory() - before} | {said} |", flush=True)
            connection.close()
        device = part.bystander.times()
        print(f"\nThe device meanwhile: median {device[0]:.2f}, 99 % {device[1]:.1f}, longest {device[2]:.0f} ms.", flush=True)


def connected(part, first):
    connection = part.tcp()
    send(connection, first)
    return connection


# ---- deep and compressed --------------------------------------------------------------------------------------------


def deep_and_compressed(binary):
    deep_object = '{"a":' * 100_000 + "1" + "}" * 100_000
    deep_array = "[" * 100_000 + "]" * 100_000
    deep_yaml = "- " * 100_000 + "x"
    bomb = zlib.compress(bytes(100_000_000), 9)
    policy = None
    print("\n| deep or compressed | answer | ms | hub grew by, KiB |\n|---|---|--:|--:|")
    with Part(binary) as part:
        hub = part.hub
        policy = sas("localhost", hub.policy_key, "iothubowner")

        def ask(method, path, body, *headers, port="https"):
            data = body.encode() if isinstance(body, str) else body
            head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: {policy}", *headers]
            head += [f"Content-Length: {len(data)}", "Connection: close", "", ""]
            plain = socket.create_connection(("127.0.0.1", hub.ports[port]), timeout=30)
            connection = plain if port == "portal" else hub.tls.wrap_socket(plain, server_hostname="localhost")
            send(connection, "\r\n".join(head).encode() + data)
            answer = b""
            with contextlib.suppress(OSError):
                while got := connection.recv(65536):
                    answer += got
            connection.close()
            return answer.split(b"\r\n")[0].decode(errors="replace") or "closed"

        def over_mqtt(topic, payload):
            http = Http(hub, hub.policy_key)
            _, body, _ = http.ask("GET", "/devices/d")
            http.died()
            key = json.loads(body)["authentication"]["symmetricKey"]["primaryKey"]
            heard = []
            link = Mqtt(hub, "d", key, lambda _, topic, body, ___: heard.append(topic))
            assert link.wait(lambda: link.subscribed)
            link.publish(topic, payload, heard.append)
            link.wait(lambda: heard)
            alive = link.ping()
            link.died()
            return f"{[each for each in heard if each is not None] or 'nothing'}, link {'lives' if alive else 'closed'}"

        version = "?api-version=2021-04-12"
        assert "200" in ask("PUT", f"/devices/d{version}", '{"deviceId":"d"}')
        utf8 = "iothub-content-encoding: utf-8", "iothub-content-type: application/json"
        cases = [
            ("twin PATCH, objects", lambda: ask("PATCH", f"/twins/d{version}", deep_object)),
            ("twin PATCH, arrays", lambda: ask("PATCH", f"/twins/d{version}", '{"tags":' + deep_array + "}")),
            ("device PUT", lambda: ask("PUT", f"/devices/d2{version}", deep_object)),
            ("bulk POST", lambda: ask("POST", f"/devices{version}", deep_array)),
            ("query", lambda: ask("POST", f"/devices/query{version}",
                                  json.dumps({"query": "SELECT * FROM devices WHERE " + "(" * 100_000 + "1=1" + ")" * 100_000}))),
            ("query, NOT", lambda: ask("POST", f"/devices/query{version}",
                                       json.dumps({"query": "SELECT * FROM devices WHERE " + "NOT " * 100_000 + "1=1"}))),
            ("method payload", lambda: ask("POST", f"/twins/d/methods{version}",
                                           '{"methodName":"m","payload":' + deep_object + "}")),
            ("configuration", lambda: ask("PUT", f"/configurations/c{version}", deep_object)),
            ("job", lambda: ask("PUT", f"/jobs/v2/j{version}", deep_object)),
            ("telemetry over HTTP", lambda: ask("POST", f"/devices/d/messages/events{version}", deep_object, *utf8)),
            ("telemetry over MQTT", lambda: over_mqtt(
                "devices/d/messages/events/$.ct=application%2Fjson&$.ce=utf-8", ('{"a":' * 40_000 + "1" + "}" * 40_000).encode())),
            ("reported patch over MQTT", lambda: over_mqtt(
                "$iothub/twin/PATCH/properties/reported/?$rid=1", ('{"a":' * 40_000 + "1" + "}" * 40_000).encode())),
            ("seed, JSON", lambda: ask("POST", "/_emulator/seed", deep_object, "Content-Type: application/json", port="portal")),
            ("seed, YAML", lambda: ask("POST", "/_emulator/seed", deep_yaml, "Content-Type: application/yaml", port="portal")),
            ("seed, YAML flow", lambda: ask("POST", "/_emulator/seed", deep_array, "Content-Type: application/yaml", port="portal")),
            ("seed, YAML aliases (a billion laughs)", lambda: ask("POST", "/_emulator/seed", laughs(), "Content-Type: application/yaml", port="portal")),
            ("gzip bomb, twin PATCH", lambda: ask("PATCH", f"/twins/d{version}", bomb, "Content-Encoding: gzip")),
            ("gzip bomb, telemetry", lambda: ask("POST", f"/devices/d/messages/events{version}", bomb[:200_000], "Content-Encoding: gzip")),
            ("gzip bomb, seed", lambda: ask("POST", "/_emulator/seed", bomb, "Content-Encoding: gzip", port="portal")),
        ]  # fmt: skip
        for name, act in cases:
            before = part.memory()
            began = time.monotonic()
            try:
                answer = act()
            except (Dead, OSError, AssertionError) as error:
                answer = f"{type(error).__name__}: {error}"
            took = (time.monotonic() - began) * 1000
            assert part.hub.process.poll() is None, f"the hub is gone after: {name}"
            print(f"| {name} | {answer} | {took:.0f} | {part.memory() - before} |", flush=True)
        device = part.bystander.times()
        print(f"\nThe device meanwhile: median {device[0]:.2f}, 99 % {device[1]:.1f}, longest {device[2]:.0f} ms.", flush=True)


def laughs():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 12):
        lines.append(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--connections", type=int, default=10_000, help="half-open ones of one kind (10000)")
    parser.add_argument("--only", default="half-open,slow,large,deep", help="parts: half-open,slow,large,deep")
    parser.add_argument("--kind", action="append", help="half-open: only those whose name has this in it")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < options.connections + 200:
        sys.exit(f"measure-hostile: {options.connections} connections need more descriptors than {most} (ulimit -Hn)")
    parts = options.only.split(",")
    if "half-open" in parts:
        half_open(options.binary, options.connections, options.kind)
    if "slow" in parts:
        slow_loris(options.binary, 20)
    if "large" in parts:
        too_large(options.binary)
    if "deep" in parts:
        deep_and_compressed(options.binary)


if __name__ == "__main__":
    main()
