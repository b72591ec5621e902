"""Records what real AMQP clients send, as inputs of the fuzz target amqp_session.

    scripts/own-network python3 tests/fuzz/record_amqp.py BINARY FOLDER      after scripts/test-sdk-python and -node

Each connection becomes a file: a zero byte (all comes as one piece), then the client's bytes. The clients are
azure-iot-device-amqp, azure-iothub (Node), azure-iot-hub and azure-eventhub (Python), unchanged; between them and the
hub stands this program, with a certificate of the hub's CA. d1 has the key that it has in fuzz_world.cpp, whose clock
stands in November 2026: tokens of later recordings are good there.
"""

import hashlib
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/model"))

from hub import Hub  # noqa: E402
from wire import Http  # noqa: E402

# What FakeRandom gives d1 in fuzz_world.cpp.
D1_KEY = "/4nLhU/AkIHMR+38hhmyFP5lktSL/OqcnY4yRNfX6fE="

PYTHON_CLIENTS = """
import os, threading, time
from azure.eventhub import EventHubConsumerClient
from azure.iot.hub import IoTHubRegistryManager
service = IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"])
service.send_c2d_message("d1", "hello", {"messageId": "m-1", "ack": "full", "level": "3"})
consumer = EventHubConsumerClient.from_connection_string(os.environ["EVENTHUB_CONNECTION_STRING"], "$Default")
consumer.get_eventhub_properties()
consumer.get_partition_properties("0")
done = threading.Thread(target=lambda: consumer.receive_batch(lambda *_: None, starting_position="-1",
                        track_last_enqueued_event_properties=True, max_wait_time=1), daemon=True)
done.start()
time.sleep(3)
consumer.close()
"""


class Recorder:
    """Listens on a port and hands on to the hub's, with the bytes of each client kept."""

    def __init__(self, port, to, outside, inside):
        self.to, self.outside, self.inside = to, outside, inside
        self.recorded = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        client = self.outside.wrap_socket(plain, server_side=True) if self.outside else plain
        hub = socket.create_connection(("127.0.0.1", self.to))
        if self.inside:
            hub = self.inside.wrap_socket(hub, server_hostname="localhost")
        kept = bytearray()
        self.recorded.append(kept)
        threading.Thread(target=self.copy, args=(hub, client, None), daemon=True).start()
        self.copy(client, hub, kept)

    @staticmethod
    def copy(source, target, kept):
        try:
            while data := source.recv(65536):
                if kept is not None:
                    kept += data
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def leaf(folder, ca):
    """A certificate for localhost by the hub's CA."""
    key, request, certificate = folder / "leaf.key", folder / "leaf.csr", folder / "leaf.pem"
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    run = lambda *words: subprocess.run([str(word) for word in words], check=True, capture_output=True)  # noqa: E731
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
        request, "-subj", "/CN=localhost")  # fmt: skip
    run("openssl", "x509", "-req", "-in", request, "-CA", ca[0], "-CAkey", ca[1], "-days", "2", "-extfile",
        folder / "san", "-out", certificate)  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def main():
    binary, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    d1_key = D1_KEY
    folder = pathlib.Path(tempfile.mkdtemp(prefix="record-amqp-"))
    hub = Hub(binary, folder)
    hub.start("--https-port", "443", "--mqtts-port", "8883")
    try:
        http = Http(hub, hub.policy_key)
        keys = {"symmetricKey": {"primaryKey": d1_key, "secondaryKey": d1_key}}
        assert http.ask("PUT", "/devices/d1", {"deviceId": "d1", "authentication": keys})[0] == 200
        ca = sorted((folder / "ca").iterdir())
        certificate = next(file for file in ca if b"BEGIN CERTIFICATE" in file.read_bytes())
        key = next(file for file in ca if b"PRIVATE KEY" in file.read_bytes())
        outside = leaf(folder, (certificate, key))
        recorders = {"tls": Recorder(5671, hub.ports["amqps"], outside, hub.tls),
                     "plain": Recorder(5672, hub.ports["amqp"], None, None)}  # fmt: skip
        policy = f"SharedAccessKeyName=iothubowner;SharedAccessKey={hub.policy_key}"
        environment = {
            **os.environ,
            "SSL_CERT_FILE": str(certificate),
            "REQUESTS_CA_BUNDLE": str(certificate),
            "NODE_EXTRA_CA_CERTS": str(certificate),
            "NODE_PATH": str(ROOT / "build/sdk-node/node_modules"),
            "IOTHUB_CONNECTION_STRING": f"HostName=localhost;{policy}",
            "EVENTHUB_CONNECTION_STRING":
                f"Endpoint=sb://localhost/;{policy};EntityPath=localhost;UseDevelopmentEmulator=true",
            "DEVICE_CONNECTION_STRING": f"HostName=localhost;DeviceId=d1;SharedAccessKey={d1_key}",
        }  # fmt: skip
        subprocess.run(["node", ROOT / "tests/fuzz/record_amqp.js"], env=environment, check=True, timeout=60)
        python = ROOT / "build/venv-sdk/bin/python"
        subprocess.run([python, "-c", PYTHON_CLIENTS], env=environment, check=True, timeout=60)
        time.sleep(1)
        output.mkdir(parents=True, exist_ok=True)
        for carrier, recorder in recorders.items():
            for kept in recorder.recorded:
                if kept:
                    data = b"\0" + bytes(kept)
                    name = f"{carrier}-{hashlib.sha1(data).hexdigest()[:12]}"
                    (output / name).write_bytes(data)
                    print(name, len(data))
    finally:
        hub.kill()


if __name__ == "__main__":
    main()
