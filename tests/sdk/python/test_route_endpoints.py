"""Routes to a webhook and to another MQTT broker: retries, restarts, and a hub that does not wait for them."""

import json
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import paho.mqtt.client as paho
import pytest
from azure.iot.device import IoTHubDeviceClient, Message
from azure.iot.hub import IoTHubRegistryManager

from conftest import Registered
from eventually import eventually
from own_hub import own_hub

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")


class Webhook:
    """An HTTP server that answers with the statuses it is given, then with 200."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.received = []
        self.headers = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = webhook.statuses.pop(0) if webhook.statuses else 200
                webhook.headers.append(dict(self.headers))
                if status == 200:
                    webhook.received.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def bodies(self):
        return [message["Body"] for message in list(self.received)]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def webhook():
    webhook = Webhook(500, 503)
    yield webhook
    webhook.close()


@pytest.fixture
def start(hub_process, tmp_path):
    """Starts a hub whose telemetry goes to `events` and to these endpoints."""
    stack = []

    def started(*endpoints):
        routes = {
            "endpoints": list(endpoints),
            "routes": [
                {
                    "name": "all",
                    "source": "DeviceMessages",
                    "endpointNames": ["events", *(endpoint["name"] for endpoint in endpoints)],
                }
            ],
        }
        routes_file = tmp_path / "routes.json"
        routes_file.write_text(json.dumps(routes))
        context = own_hub(hub_process, tmp_path, "--routes", routes_file)
        stack.append(context)
        return context.__enter__()

    yield started
    for context in stack:
        context.__exit__(None, None, None)


def connected(hub, name):
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    device = Registered(hub, service.create_device_with_sas(name, "", "", "enabled"))
    client = IoTHubDeviceClient.create_from_connection_string(device.connection_string())
    client.connect()
    return client


def json_message(body):
    return Message(json.dumps(body), content_type="application/json", content_encoding="utf-8")


def test_a_webhook_that_fails_first_gets_every_event_in_order(start, webhook, name):
    hub = start(
        {"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{webhook.port}/in?a=1", "headers": {"X-Key": "k"}}
    )
    client = connected(hub, name)
    for number in range(5):
        client.send_message(json_message({"number": number}))
    eventually(lambda: len(webhook.received) == 5, "all come", 15)
    client.shutdown()
    assert webhook.bodies() == [{"number": number} for number in range(5)]
    assert webhook.received[0]["SystemProperties"]["connectionDeviceId"] == name
    assert webhook.headers[0]["X-Key"] == "k" and webhook.headers[0]["Content-Type"] == "application/json"
    assert "answers 500" in hub.log() and "'hook' answers again" in hub.log()


def test_what_a_webhook_has_not_taken_outlives_the_hub(start, name):
    with socket.socket() as place:  # nobody listens at this port
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    hub = start({"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{port}/"})
    client = connected(hub, name)
    started = time.monotonic()
    for number in range(150):
        client.send_message(json_message({"number": number}))
    assert time.monotonic() - started < 30  # an endpoint that is not there holds nobody up
    client.shutdown()
    hub.kill()
    webhook = Webhook()
    try:
        webhook_again = {"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{webhook.port}/"}
        routes_file = hub.flags[hub.flags.index("--routes") + 1]
        routes = json.loads(routes_file.read_text())
        routes["endpoints"] = [webhook_again]
        routes_file.write_text(json.dumps(routes))
        hub.start()
        eventually(lambda: len(webhook.received) >= 150, "all come", 20)
        assert webhook.bodies() == [{"number": number} for number in range(150)]
    finally:
        webhook.close()


def test_a_hanging_webhook_holds_up_neither_the_hub_nor_its_end(start, name):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # accepts, and never answers
        hub = start({"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{silent.getsockname()[1]}/"})
        client = connected(hub, name)
        for number in range(20):
            client.send_message(json_message({"number": number}))
        client.shutdown()
        before = time.monotonic()
        hub.stop()
        assert time.monotonic() - before < 5


@pytest.fixture
def broker(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("no mosquitto (scripts/setup --tests)")
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    processes = []

    class Broker:
        def __init__(self):
            self.port = port

        def start(self):
            processes.append(subprocess.Popen([MOSQUITTO, "-c", settings], stderr=subprocess.DEVNULL))
            eventually(self.answers, "the broker answers", 10)

        def answers(self):
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        def stop(self):
            processes[-1].terminate()
            processes[-1].wait(10)

    yield Broker()
    for process in processes:
        process.kill()
        process.wait(10)


def subscribed(port):
    messages = []
    options = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, "CallbackAPIVersion") else []
    client = paho.Client(*options)
    ready = threading.Event()
    client.on_connect = lambda *_: client.subscribe("#", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _, __, message: messages.append((message.topic, message.payload))
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(10)
    return client, messages


def test_telemetry_goes_to_another_broker_under_its_topics(start, broker, name):
    broker.start()
    bridge = {"type": "mqtt", "host": "127.0.0.1", "port": broker.port}
    hub = start(
        {"name": "raw", **bridge, "topic": "hub/{deviceId}/{source}"},
        {"name": "whole", **bridge, "topic": "messages/{source}", "payload": "message"},
    )
    subscriber, messages = subscribed(broker.port)
    client = connected(hub, name)
    client.send_message(json_message({"number": 1}))
    client.send_message(b"\x00\xff")
    eventually(lambda: len(messages) == 4, "all come", 15)
    client.shutdown()
    assert [payload for topic, payload in messages if topic == f"hub/{name}/Telemetry"] == [b'{"number": 1}', b"\x00\xff"]
    whole = [json.loads(payload) for topic, payload in messages if topic == "messages/Telemetry"]
    assert whole[0]["Body"] == {"number": 1} and whole[1]["Body"] == "AP8="

    # A broker that is away gets the rest when it comes back.
    subscriber.loop_stop()
    broker.stop()
    client = connected(hub, name + "-2")
    for number in range(10):
        client.send_message(json_message({"number": number}))
    client.shutdown()
    eventually(lambda: "route endpoint 'raw' does not take events" in hub.log(), "the hub has noticed", 10)
    broker.start()
    subscriber, messages = subscribed(broker.port)
    eventually(lambda: len(messages) >= 20, "the rest comes", 20)
    subscriber.loop_stop()
    own = [payload for topic, payload in messages if topic.startswith("hub/")]
    assert own == [json.dumps({"number": number}).encode() for number in range(10)]
