"""The commands monitor and route test."""

import json
import queue
import subprocess
import threading

import pytest
from azure.iot.device import Message

from eventually import SLOWNESS


class Monitor:
    """The command as a process; its lines as they come."""

    def __init__(self, hub, *flags, environment=None):
        command = [hub.binary, "monitor", "--data", hub.data, *flags] if environment is None else [hub.binary, "monitor", *flags]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.said = self.process.stderr.readline()  # once all partitions are being read

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self):
        line = self._lines.get(timeout=15 * SLOWNESS)
        assert line is not None, self.process.stderr.read()
        return line

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def monitor(hub):
    monitors = []

    def start(*flags, environment=None):
        monitors.append(Monitor(hub, *flags, environment=environment))
        assert monitors[-1].said.startswith("reading"), monitors[-1].said
        return monitors[-1]

    yield start
    for each in monitors:
        each.close()


def hot(text):
    message = Message(text, content_type="application/json", content_encoding="utf-8", message_id="m-1")
    message.custom_properties["level"] = "hot"
    return message


def test_monitor_prints_what_comes_after_it_started(monitor, device, connect):
    client = connect(device)
    client.send_message("before")
    running = monitor("--device", device.device_id)
    client.send_message(hot('{"a":1}'))
    assert running.line().split(" ", 1)[1] == f'{device.device_id} Telemetry {{"a":1}} level=hot'


def test_monitor_prints_json_from_the_beginning_and_from_a_time(monitor, device, connect):
    client = connect(device)
    client.send_message(hot('{"a":1}'))
    client.send_message(b"\xff")
    running = monitor("--device", device.device_id, "--json", "--from", "beginning")
    first, second = json.loads(running.line()), json.loads(running.line())
    assert first["body"] == {"a": 1} and first["properties"] == {"level": "hot"}
    assert first["source"] == "Telemetry" and first["deviceId"] == device.device_id
    assert first["systemProperties"]["messageId"] == "m-1"
    assert second["bodyBase64"] == "/w=="
    assert second["sequenceNumber"] > first["sequenceNumber"]
    again = monitor("--device", device.device_id, "--json", "--from", second["enqueuedTime"])
    assert json.loads(again.line())["sequenceNumber"] in (first["sequenceNumber"], second["sequenceNumber"])


def test_monitor_finds_the_hub_of_its_environment_with_and_without_tls(hub, monitor, device, connect):
    connect(device).send_message("hello")
    plain = hub.environment()
    secure = {**plain, "EVENTHUB_CONNECTION_STRING": hub.event_hub_connection_string.replace(";UseDevelopmentEmulator=true", "")}
    for environment in (plain, secure):
        running = monitor("--device", device.device_id, "--from", "beginning", environment=environment)
        assert running.line().endswith("Telemetry hello")


def test_monitor_ends_with_a_reason(hub, tmp_path):
    def ended(*flags):
        return hub.run("monitor", "--data", hub.data, *flags)

    unknown = ended("--consumer-group", "nobody")
    assert unknown.returncode == 1 and "could not be found" in unknown.stderr
    assert ended("--from", "yesterday").returncode == 2
    assert hub.run("monitor", "--data", tmp_path).returncode == 1


def test_route_test_explains_every_clause(hub, tmp_path):
    routes = tmp_path / "routes.json"
    routes.write_text(
        json.dumps(
            {
                "endpoints": [{"name": "hook", "type": "webhook", "url": "http://localhost/"}],
                "routes": [
                    {
                        "name": "hot",
                        "source": "DeviceMessages",
                        "condition": "level = 'hot' AND $body.temperature > 70 AND $twin.tags.floor = 3",
                        "endpointNames": ["hook"],
                    }
                ],
            }
        )
    )
    message = '{"body":{"temperature":71},"appProperties":{"level":"hot"}}'
    twin = '{"tags":{"floor":3}}'
    taken = hub.run("route", "test", "--routes", routes, "--message", message, "--twin", twin)
    assert taken.returncode == 0, taken.stderr
    assert "route 'hot' of DeviceMessages takes the message" in taken.stdout
    assert taken.stdout.endswith("the message goes to hook\n")

    message_file = tmp_path / "message.json"
    message_file.write_text(message)
    refused = hub.run("route", "test", "--routes", routes, "--message", message_file, "--json")
    explained = json.loads(refused.stdout)
    clauses = {clause["clause"]: clause for clause in explained["routes"][0]["condition"]["operands"]}
    assert clauses["level = 'hot'"]["value"] is True
    assert clauses["$twin.tags.floor = 3"]["type"] == "undefined"
    assert explained["endpoints"] == ["events"]
    assert hub.run("route", "test", "--message", '{"temperature":1}').returncode == 2
