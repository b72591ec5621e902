"""What the hub received: asked for, and waited for."""

import json
import socket
import threading
import time

from azure.iot.device import Message

from device_http import HttpDevice
from eventually import eventually
from sas_token import sas


def message(body, **properties):
    result = Message(body)
    result.content_type, result.content_encoding = "application/json", "utf-8"
    result.custom_properties.update(properties)
    return result


def test_what_a_device_sent_is_found_by_properties_and_body(control, device, connect):
    client = connect(device)
    client.send_message(message('{"temperature": 21.5, "room": {"id": "a"}}', level="1"))
    client.send_message(message('{"temperature": 30, "room": {"id": "b"}}', level="2"))
    client.send_message("no JSON")

    def found(**parameters):
        return [each["body"] for each in control.get("messages", device=device.device_id, **parameters)["messages"]]

    warm = {"temperature": 30, "room": {"id": "b"}}
    assert len(found()) == 3
    assert found(**{"property.level": "2"}) == [warm]
    assert found(**{"body/temperature": "30"}) == [warm]
    assert found(**{"body/room/id": "b"}) == [warm]
    assert found(bodyContains="JSON") == ["no JSON"]
    assert found(**{"system.content-type": "application/json"})[0]["temperature"] == 21.5
    assert found(limit=1) == [{"temperature": 21.5, "room": {"id": "a"}}]
    assert control.get("messages", 400, wrong="1")["error"]["message"] == "there is no parameter 'wrong'"

    (sent,) = control.get("messages", device=device.device_id, **{"property.level": "1"})["messages"]
    assert sent["properties"] == {"level": "1"}
    assert sent["systemProperties"]["content-type"] == "application/json"
    assert sent["bodyBase64"] == "eyJ0ZW1wZXJhdHVyZSI6IDIxLjUsICJyb29tIjogeyJpZCI6ICJhIn19"


def test_next_goes_on_where_the_last_answer_ended(control, device, connect):
    client = connect(device)
    for number in range(5):
        client.send_message(f"{number}")
    first = control.get("messages", device=device.device_id, limit=3)
    assert [each["body"] for each in first["messages"]] == [0, 1, 2]
    assert first["complete"] is False
    rest = control.get("messages", device=device.device_id, since=first["next"])
    assert [each["body"] for each in rest["messages"]] == [3, 4]
    assert rest["complete"] is True
    assert control.get("messages", device=device.device_id, since=rest["next"])["messages"] == []


def test_a_long_poll_answers_when_the_nth_message_comes(control, device, connect):
    client = connect(device)
    since = control.get("messages", since="now", limit=1)["next"]

    def send():
        for number in range(3):
            time.sleep(0.2)
            client.send_message(f"{number}")

    sender = threading.Thread(target=send)
    sender.start()
    answer = control.get("messages", since=since, device=device.device_id, wait="30s", count=3)
    sender.join()
    assert [each["body"] for each in answer["messages"]] == [0, 1, 2]
    assert answer["timedOut"] is False


def test_a_long_poll_ends_with_what_there_is(control, device, connect):
    connect(device).send_message("1")
    begun = time.monotonic()
    answer = control.get("messages", device=device.device_id, wait="500ms", count=2)
    assert answer["timedOut"] is True
    assert len(answer["messages"]) == 1
    assert 0.4 < time.monotonic() - begun < 20


def test_every_event_of_a_device_s_life_is_streamed(control, read_events, device, connect, service):
    reader = read_events(device=device.device_id)
    client = connect(device)
    client.send_message("1")
    client.patch_twin_reported_properties({"a": 1})
    service.send_c2d_message(device.device_id, "hello", {})
    eventually(lambda: "twin-updated" in reader.names(device.device_id), "the twin's update is told")
    service.delete_device(device.device_id)
    names = eventually(
        lambda: "identity-deleted" in reader.names(device.device_id) and reader.names(device.device_id), "all is told"
    )
    expected = ["connected", "telemetry", "twin-updated", "c2d-enqueued", "identity-deleted"]
    assert [name for name in names if name in expected] == expected
    told = {event["event"]: event for event in reader.of(device.device_id)}
    assert told["connected"]["detail"]["protocol"] == "mqtt"
    assert told["telemetry"]["detail"]["body"] == 1
    assert told["twin-updated"]["detail"]["reported"] == {"a": 1}


def test_events_are_chosen_by_name_and_refusals_carry_their_reason(control, read_events, client_of, device):
    reader = read_events(events="refused")
    try:
        client_of(device, key="d3Jvbmcga2V5", connection_retry=False).connect()
    except Exception:
        pass
    (refused,) = eventually(lambda: reader.of(device.device_id), "the refusal is told")
    assert refused["event"] == "refused"
    assert refused["detail"]["protocol"] == "mqtt"
    assert "signature" in refused["detail"]["reason"]
    assert control.get("events", 400, events="unheard-of")["error"]["message"] == "there is no event 'unheard-of'"


def test_a_reader_that_does_not_read_misses_events_and_is_told_so(hub, device, control):
    """Nothing is read from the socket while more comes than the buffers hold; less than half a minute, since the hub
    gives a reader up then."""
    sender = HttpDevice(hub, device.device_id, sas(f"{hub.host}/devices/{device.device_id}", device.key))
    with socket.create_connection(("localhost", hub.ports["portal"])) as connection:
        connection.sendall(b"GET /_emulator/events?events=telemetry HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in connection.recv(200)
        big = {"body": "x" * 4000, "base64Encoded": False, "properties": {"iothub-app-padding": "y" * 30000}}
        batch = json.dumps([big] * 7)
        for _ in range(60):
            assert sender.send(batch, **{"Content-Type": "application/vnd.microsoft.iothub.json"}).status_code == 204
        connection.settimeout(20)
        received = b""
        while b"event: gap" not in received[-300_000:]:
            chunk = connection.recv(1 << 20)
            assert chunk, "the stream ended"
            received += chunk
        assert control.get("health")["status"] == "up"
