"""The control API's plain questions: through HTTP and through the command line."""

import pathlib
import re
import socket

import pytest
import requests

from eventually import eventually


def test_the_hub_says_that_it_is_up_and_ready(control):
    health = control.get("health")
    assert (health["status"], health["hub"]) == ("up", "localhost")
    assert control.get("ready")["ready"] is True
    assert control.get("version")["version"] == health["version"]


def test_it_is_served_on_the_https_port_too(hub):
    answer = requests.get("https://localhost/_emulator/health", timeout=10)
    assert answer.json()["status"] == "up"


def test_the_ca_is_what_clients_must_trust(control, hub):
    with open(hub.ca_file) as file:
        assert control.get("ca.pem") == file.read()


def test_connection_strings_of_policies_and_devices(control, hub, device, module):
    strings = control.get("connection-strings")
    assert strings["policies"]["iothubowner"] == hub.connection_string()
    assert strings["eventHub"] == hub.event_hub_connection_string
    of_device = control.get("connection-strings", device=device.device_id)["connectionString"]
    assert of_device == device.connection_string()
    of_module = control.get("connection-strings", device=device.device_id, module="module")["connectionString"]
    assert f"ModuleId=module;SharedAccessKey={module.key}" in of_module
    assert control.get("connection-strings", 404, device="stranger")["error"]["name"] == "DeviceNotFound"


def test_connections_name_who_is_there_by_which_protocol(control, device, connect):
    def mine():
        return [each for each in control.get("connections")["connections"] if each["device"] == device.device_id]

    assert mine() == []
    client = connect(device)
    (link,) = eventually(mine, "the device is listed")
    assert link["protocol"] == "mqtt"
    assert link["address"].startswith(("127.0.0.1:", "[::1]:"))
    client.disconnect()
    eventually(lambda: not mine(), "the device is gone")


def metric(control, name):
    for line in control.get("metrics").splitlines():
        if line.startswith(name + " ") or line.startswith(name + "{"):
            if line.rpartition(" ")[0] == name:
                return int(line.rpartition(" ")[2])
    return 0


def test_metrics_count_messages_connections_and_requests(control, device, connect, service):
    telemetry = 'iothub_events_total{hub="localhost",event="telemetry"}'
    answered = 'iothub_http_responses_total{hub="localhost",status="200"}'
    connected = 'iothub_connected{hub="localhost"}'
    before = [metric(control, name) for name in (telemetry, answered, connected)]
    client = connect(device)
    client.send_message("counted")
    service.get_device(device.device_id)
    after = [metric(control, name) for name in (telemetry, answered, connected)]
    assert after[0] == before[0] + 1
    assert after[1] > before[1]
    assert after[2] == before[2] + 1
    assert metric(control, "process_resident_memory_bytes") > 1_000_000


def test_unknown_paths_and_methods_are_told(control):
    assert control.get("nothing", 404)["error"]["name"] == "GenericNotFound"
    assert "GET" in control.post("health", status=405)["error"]["message"]
    assert control.get("health", 404, hub="another")["error"]["message"] == "no hub here is called 'another'"


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Host": "evil.example"}, 421),  # a name of the attacker's that resolves to this machine
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_web_page_of_another_site_is_refused(control, headers, status):
    control.get("connections", status, headers=headers)
    control.get("health", status, headers=headers)


def test_the_portal_s_port_serves_nothing_of_the_hub(hub):
    port = hub.ports["portal"]
    assert requests.get(f"http://localhost:{port}/devices?api-version=2021-04-12", timeout=10).status_code == 404
    with socket.create_connection(("localhost", port), 10) as connection:
        connection.sendall(bytes.fromhex("10 0c 0004 4d515454 04 02 003c 0000"))  # MQTT CONNECT
        assert connection.recv(100) == b""


def test_a_token_opens_the_api_and_nothing_else_does(hub):
    from control.control_api import ControlApi

    hub.stop()
    hub.start("--control-token", "sesame")
    try:
        port = hub.ports["portal"]
        assert ControlApi(port).get("health")["status"] == "up"
        assert ControlApi(port).get("connections", 401)["error"]["name"] == "ControlUnauthorized"
        assert ControlApi(port, token="wrong").get("connections", 401)
        assert ControlApi(port, token="sesame").get("connections")["connections"] == []
        assert ControlApi(port).get("connections", token="sesame")["connections"] == []
    finally:
        hub.stop()
        hub.start()


def test_every_documented_operation_is_there(control):
    """docs/control-openapi.yaml against what a path says it knows."""
    text = (pathlib.Path(__file__).parents[4] / "docs" / "control-openapi.yaml").read_text()
    documented = {}
    for line in text[text.index("\npaths:") : text.index("\ncomponents:")].splitlines():
        if path := re.fullmatch(r"  /(\S+):", line):
            methods = documented.setdefault(re.sub(r"{\w+}", "x", path[1]), set())
        elif method := re.fullmatch(r"    (get|put|post|delete):", line):
            methods.add(method[1].upper())
    assert len(documented) > 20
    for path, methods in documented.items():
        message = control.request("PATCH", path, 405)["error"]["message"]
        assert set(message.removeprefix("the path knows ").split(", ")) == methods, path
