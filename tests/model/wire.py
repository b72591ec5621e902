"""Connections of the model test: bytes over TLS without threads, so that much is under way when the hub is killed.

Each connection notes what it asked for and what came back; when it dies, what was not answered may or may not have
happened. Only the standard library, for the test runs without a virtual environment.
"""

import base64
import hashlib
import hmac
import json
import select
import socket
import ssl
import struct
import time
from urllib.parse import quote


def sas(resource, key, policy=None):
    resource = quote(resource, safe="")
    expiry = int(time.time()) + 3600
    digest = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    token = f"SharedAccessSignature sr={resource}&sig={quote(base64.b64encode(digest), safe='')}&se={expiry}"
    return token + (f"&skn={policy}" if policy else "")


class Dead(Exception):
    """The hub has closed the connection."""


class Link:
    """A TLS connection. Subclasses take whole packets off `self.received`."""

    def __init__(self, hub, port):
        self.received = bytearray()
        self.dead = False
        self.unsendable = False  # the hub is gone; what it said before is still to be read
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = hub.tls.wrap_socket(plain, server_hostname="localhost")

    def send(self, data):
        if self.dead or self.unsendable:
            return
        try:
            self.socket.settimeout(10)
            self.socket.sendall(data)
        except OSError:
            self.unsendable = True

    def read(self):
        """What is there now."""
        if self.dead:
            return
        self.socket.settimeout(0)
        ended = False
        try:
            while data := self.socket.recv(65536):
                self.received += data
            ended = True
        except ssl.SSLWantReadError:
            pass
        except OSError:
            ended = True
        self.take()
        if ended:
            self.died()

    def died(self):
        if not self.dead:
            self.dead = True
            self.socket.close()

    def take(self):
        raise NotImplementedError

    def wait(self, what, seconds=20):
        """Reads until what() is true. False: the connection died before."""
        until = time.monotonic() + seconds
        ready = select.poll()  # select() knows no descriptors past 1023
        ready.register(self.socket, select.POLLIN)
        while not what():
            if self.dead:
                return False
            assert time.monotonic() < until, "the hub does not answer"
            ready.poll(200)
            self.read()
        return True


def pump(links, seconds):
    """Reads on all the connections that have something."""
    alive = [link for link in links if not link.dead]
    if not alive:
        return
    readable, _, _ = select.select([link.socket for link in alive], [], [], seconds)
    for link in alive:
        if link.socket in readable:
            link.read()


class Mqtt(Link):
    """One device, subscribed to all it may hear. `on_publish(topic, payload, packet_id)`; QoS 1 is not acknowledged by
    itself. What was published is acknowledged in its order."""

    def __init__(self, hub, device, key, on_publish, subscribe=True):
        super().__init__(hub, hub.ports["mqtts"])
        self.device = device
        self.on_publish = on_publish
        self.unacknowledged = {}  # packet id: what to call with True (acknowledged) or None (nobody knows)
        self.last_id = 0
        self.pings = 0
        self.accepted = self.subscribed = False
        password = sas(f"localhost/devices/{device}", key)
        fields = [device, f"localhost/{device}/?api-version=2021-04-12", password]
        self.send(self.packet(0x10, b"\0\4MQTT\4\xc0\0\x3c" + b"".join(self.text(field) for field in fields)))
        filters = [f"devices/{device}/messages/devicebound/#", "$iothub/twin/res/#",
                   "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#"]  # fmt: skip
        if subscribe:
            self.send(self.packet(0x82, b"\0\1" + b"".join(self.text(each) + b"\1" for each in filters)))

    @staticmethod
    def text(text):
        data = text.encode()
        return struct.pack(">H", len(data)) + data

    @staticmethod
    def packet(first, body):
        size, length = b"", len(body)
        while True:
            length, low = length >> 7, length & 127
            size += bytes([low | (128 if length else 0)])
            if not length:
                return bytes([first]) + size + body

    def publish(self, topic, payload, done=None):
        """QoS 1 with `done`, else QoS 0."""
        if done is None:
            return self.send(self.packet(0x30, self.text(topic) + payload))
        self.last_id = self.last_id % 65535 + 1
        self.unacknowledged[self.last_id] = done
        self.send(self.packet(0x32, self.text(topic) + struct.pack(">H", self.last_id) + payload))

    def acknowledge(self, packet_id):
        self.send(self.packet(0x40, struct.pack(">H", packet_id)))

    def ping(self):
        """Everything the hub did before its answer has been committed."""
        before = self.pings
        self.send(b"\xc0\0")
        return self.wait(lambda: self.pings > before)

    def take(self):
        while True:
            length = shift = 0
            for at in range(1, 5):
                if at >= len(self.received):
                    return
                length |= (self.received[at] & 127) << shift
                shift += 7
                if not self.received[at] & 128:
                    break
            end = at + 1 + length
            if len(self.received) < end:
                return
            first, body = self.received[0], bytes(self.received[at + 1 : end])
            del self.received[:end]
            self.handle(first, body)

    def handle(self, first, body):
        kind = first >> 4
        if kind == 2:
            assert body[1] == 0, f"CONNECT of {self.device} is refused with {body[1]}"
            self.accepted = True
        elif kind == 4:
            self.unacknowledged.pop(struct.unpack(">H", body)[0])(True)
        elif kind == 9:
            assert 128 not in body[2:]
            self.subscribed = True
        elif kind == 13:
            self.pings += 1
        elif kind == 3:
            size = struct.unpack(">H", body[:2])[0]
            at = 2 + size
            packet_id = struct.unpack(">H", body[at : at + 2])[0] if first & 6 else 0
            self.on_publish(self, body[2:at].decode(), body[at + (2 if first & 6 else 0) :], packet_id)

    def died(self):
        super().died()
        open_ones, self.unacknowledged = self.unacknowledged, {}
        for done in open_ones.values():
            done(None)


class Http(Link):
    """Pipelined requests; `done(status, body, headers)` in their order, and done(None, None, None) when nobody knows."""

    def __init__(self, hub, policy_key):
        super().__init__(hub, hub.ports["https"])
        self.authorization = sas("localhost", policy_key, "iothubowner")
        self.waiting = []

    def request(self, method, path, body=None, done=None, authorization=None):
        data = b"" if body is None else json.dumps(body).encode()
        if_match = "If-Match: *\r\n" if method == "DELETE" else ""
        self.waiting.append(done)
        self.send(
            f"{method} {path}?api-version=2021-04-12 HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: {authorization or self.authorization}\r\n{if_match}Content-Length: {len(data)}\r\n\r\n".encode() + data
        )

    def ask(self, method, path, body=None, authorization=None):
        """One request and its answer: (status, body, headers)."""
        answer = []
        self.request(method, path, body, lambda *got: answer.append(got), authorization)
        if not self.wait(lambda: answer):
            raise Dead
        if answer[0][0] is None:
            raise Dead
        return answer[0]

    def take(self):
        while True:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return
            lines = bytes(self.received[:head]).decode().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
            end = head + 4 + int(headers.get("content-length", 0))
            if len(self.received) < end:
                return
            body = bytes(self.received[head + 4 : end])
            del self.received[:end]
            done = self.waiting.pop(0)
            if done:
                done(int(lines[0].split()[1]), body, headers)

    def died(self):
        super().died()
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            if done:
                done(None, None, None)


# ---- AMQP 1.0: just enough to send cloud-to-device messages, which a service can do no other way --------------------


class Amqp(Link):
    """A sender link to /messages/devicebound; done(True) when accepted, done(False) when rejected, done(None)."""

    def __init__(self, hub, policy_key):
        super().__init__(hub, hub.ports["amqps"])
        self.unsettled = {}
        self.next_id = 0
        self.credit = 0
        self.headers = 0
        plain = b"\0iothubowner@sas.root.localhost\0" + sas("localhost", policy_key, "iothubowner").encode()
        self.send(b"AMQP\3\1\0\0" + self.frame(0x41, [("sym", "PLAIN"), plain], sasl=True))
        assert self.wait(lambda: self.headers == 1 and self.authenticated is not None)
        assert self.authenticated
        self.send(
            b"AMQP\0\1\0\0"
            + self.frame(0x10, ["model", "localhost"])
            + self.frame(0x11, [None, 0, 65535, 65535])
            + self.frame(0x12, ["c2d", 0, False, None, None, self.described(0x28, []),
                                self.described(0x29, ["/messages/devicebound"]), None, None, 0])  # fmt: skip
        )
        assert self.wait(lambda: self.credit > 0)

    authenticated = None

    @classmethod
    def value(cls, value):
        if value is None:
            return b"\x40"
        if value is True or value is False:
            return b"\x41" if value else b"\x42"
        if isinstance(value, int):
            return b"\x70" + struct.pack(">I", value)
        if isinstance(value, str):
            data = value.encode()
            return b"\xb1" + struct.pack(">I", len(data)) + data
        if isinstance(value, bytes):
            return b"\xb0" + struct.pack(">I", len(value)) + value
        if value[0] == "sym":
            data = value[1].encode()
            return b"\xa3" + bytes([len(data)]) + data
        return value[1]  # encoded

    @classmethod
    def described(cls, code, fields):
        body = b"".join(cls.value(field) for field in fields)
        return ("raw", b"\0\x53" + bytes([code]) + b"\xd0" + struct.pack(">II", len(body) + 4, len(fields)) + body)

    @classmethod
    def frame(cls, code, fields, payload=b"", sasl=False):
        body = cls.described(code, fields)[1] + payload
        return struct.pack(">IBBH", len(body) + 8, 2, 1 if sasl else 0, 0) + body

    def transfer(self, to, message_id, body, done):
        self.credit -= 1
        self.unsettled[self.next_id] = done
        payload = self.described(0x73, [message_id, None, to])[1] + b"\0\x53\x75" + self.value(body)
        tag = struct.pack(">I", self.next_id)
        self.send(self.frame(0x14, [0, self.next_id, tag, 0, False, False], payload))
        self.next_id += 1

    def take(self):
        while len(self.received) >= 8:
            if self.received[:4] == b"AMQP":
                self.headers += 1
                del self.received[:8]
                continue
            size = struct.unpack(">I", self.received[:4])[0]
            if len(self.received) < size:
                return
            frame = bytes(self.received[self.received[4] * 4 : size])
            del self.received[:size]
            if frame:
                (code, fields), _ = self.decode(frame, 0)
                self.handle(code, fields)

    def handle(self, code, fields):
        if code == 0x44:
            self.authenticated = fields[0] == 0
        elif code == 0x13 and len(fields) > 6 and fields[4] is not None:
            self.credit = fields[5] + fields[6] - self.next_id
        elif code == 0x15:
            outcome = fields[4][0]
            for number in range(fields[1], (fields[1] if fields[2] is None else fields[2]) + 1):
                self.unsettled.pop(number)(outcome == 0x24)
        elif code in (0x16, 0x17, 0x18):
            raise AssertionError(f"the hub ends the AMQP link: {fields}")

    def decode(self, data, at):
        """A value and where it ends; described ones as (code, value)."""
        kind = data[at]
        at += 1
        if kind == 0:
            code, at = self.decode(data, at)
            value, at = self.decode(data, at)
            return (code, value), at
        fixed = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0, 0x45: []}
        if kind in fixed:
            return fixed[kind], at
        width = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}.get(kind >> 4)
        if width is not None:
            return int.from_bytes(data[at : at + width], "big"), at + width
        size = data[at] if kind >> 4 in (0xA, 0xC, 0xE) else struct.unpack(">I", data[at : at + 4])[0]
        at += 1 if kind >> 4 in (0xA, 0xC, 0xE) else 4
        end = at + size
        if kind >> 4 in (0xA, 0xB):
            return data[at:end], end
        if kind >> 4 in (0xE, 0xF):
            return None, end  # arrays are not needed
        count = data[at] if kind >> 4 == 0xC else struct.unpack(">I", data[at : at + 4])[0]
        at += 1 if kind >> 4 == 0xC else 4
        values = []
        for _ in range(count):
            value, at = self.decode(data, at)
            values.append(value)
        return values, end

    def died(self):
        super().died()
        unsettled, self.unsettled = self.unsettled, {}
        for done in unsettled.values():
            done(None)
