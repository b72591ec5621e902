"""The same verbs in the command line."""

import json
import os
import signal
import subprocess
import time

import pytest

from eventually import eventually
from hub_process import plain_environment


@pytest.fixture
def command(hub):
    def run(*words, status=0):
        done = hub.run(*words, "--data", hub.data, "--ca-dir", hub.ca_folder)
        assert done.returncode == status, f"{words}: {done.returncode} {done.stderr}"
        if status != 0:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return run


def test_connections_and_messages_are_printed(command, device, connect):
    connect(device).send_message('{"t": 1}')
    assert device.device_id in [each["device"] for each in command("connections")["connections"]]
    answer = command("messages", f"device={device.device_id}", "body/t=1", "wait=10s", "count=1")
    assert answer["messages"][0]["body"] == {"t": 1}
    command("messages", f"device={device.device_id}", "body/t=2", "wait=100ms", status=1)


def test_events_are_printed_as_they_happen(hub, command, device, connect):
    words = ["events", f"device={device.device_id}", "events=connected,telemetry"]
    process = subprocess.Popen(
        [hub.binary, *words, "--data", hub.data, "--ca-dir", hub.ca_folder],
        stdout=subprocess.PIPE,
        env=plain_environment(),
        text=True,
    )
    try:
        time.sleep(1)
        connect(device).send_message("1")
        told = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
        assert told == ["connected", "telemetry"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def test_the_clock_is_moved(command):
    try:
        assert command("clock", "freeze")["frozen"] is True
        before = command("clock")["time"]
        assert command("clock", "advance", "1h")["time"] > before
        assert command("clock", "set", "2031-01-01T00:00:00Z")["time"] == "2031-01-01T00:00:00Z"
        assert "is no time" in command("clock", "advance", "soon", status=1)
        assert "the command is: clock" in command("clock", "backwards", status=2)
    finally:
        assert command("clock", "real")["frozen"] is False


def test_faults_are_added_and_cleared(command):
    rule = command("faults", "add", "action=cut", "device=nobody", "count=1")
    assert command("faults", "list")["faults"] == [rule]
    assert command("faults", "remove", str(rule["id"])) == ""
    assert command("faults", "clear") == ""
    assert "'action' is none of" in command("faults", "add", "action=explode", status=1)


def test_a_refusal_is_explained(command, service):
    with pytest.raises(Exception):
        service.get_twin("nobody-at-all")
    refusal = command("explain", "nobody-at-all")["refusals"][0]
    assert refusal["name"] == "DeviceNotFound"
    assert command("explain", "query", "SELECT * FROM devices")["valid"] is True


def test_state_is_saved_reset_and_restored(command, service, device):
    command("snapshot", "save", "cli")
    try:
        assert "cli" in [each["name"] for each in command("snapshot")["snapshots"]]
        assert command("reset", device.device_id, "--keep-links") == ""
        service.delete_device(device.device_id)
        assert command("snapshot", "restore", "cli") == ""
        assert service.get_device(device.device_id).device_id == device.device_id
        assert "there is no snapshot 'other'" in command("snapshot", "restore", "other", status=1)
    finally:
        command("snapshot", "remove", "cli")


def test_a_token_is_shown(hub, tmp_path):
    hub.stop()
    hub.start("--control-token", "sesame")
    try:
        folders = ["--data", hub.data, "--ca-dir", hub.ca_folder]
        assert hub.run("connections", *folders).returncode == 1
        assert hub.run("connections", *folders, "--control-token", "sesame").returncode == 0
        environment = {**plain_environment(), "IOTHUB_EMULATOR_CONTROL_TOKEN": "sesame"}
        assert hub.run("connections", *folders, env=environment).returncode == 0
    finally:
        hub.stop()
        hub.start()


def test_a_message_is_sent_and_its_queue_and_feedback_are_looked_at(command, device):
    words = ["messageId=m1", "ack=full", "property.colour=blue"]
    assert command("c2d", "send", device.device_id, "hello", *words)["waiting"] == 1
    (waiting,) = command("c2d", "list", device.device_id)["messages"]
    assert (waiting["body"], waiting["messageId"], waiting["properties"]) == ("hello", "m1", {"colour": "blue"})
    assert "records" in command("feedback", "limit=5")
    assert "the command is: c2d" in command("c2d", "purge", device.device_id, status=2)
    assert "runs" in command("scenario", "runs")
