"""A device's queue and the feedback on it, looked at without taking anything."""

import base64

from eventually import eventually


def test_a_queue_is_looked_at_and_its_messages_are_delivered_all_the_same(control, device, connect, read_events):
    path = f"devices/{device.device_id}/c2d"
    reader = read_events(device=device.device_id)
    sent = control.post(path, {"body": "grün" * 500, "messageId": "m1", "properties": {"a": "1"}}, 201)
    assert sent == {"waiting": 1, "sequenceNumber": 1}
    raw = base64.b64encode(bytes(range(256))).decode()
    assert control.post(path, {"bodyBase64": raw, "ack": "full"}, 201)["sequenceNumber"] == 2

    first, second = control.get(path)["messages"]
    assert (first["state"], first["messageId"], first["deliveryCount"], first["ack"]) == ("enqueued", "m1", 0, "none")
    assert (first["bytes"], first["properties"]) == (2500, {"a": "1"})
    assert first["body"] == ("grün" * 500).encode()[:1024].decode(errors="ignore")
    assert first["enqueuedTime"] < first["expiryTime"]
    assert "messageId" not in second
    assert second["bodyBase64"] == raw
    assert control.get(path, bodyBytes=3)["messages"][0]["body"] == "gr"  # not half of the third letter
    assert control.get(path, bodyBytes=65536)["messages"][0]["body"] == "grün" * 500
    assert control.get(path, 400, bodyBytes=65537)["error"]["message"] == "'bodyBytes' is no number that fits"
    assert control.get(path, 400, wrong=1)["error"]["message"] == "there is no argument 'wrong'"
    assert control.get("devices/nobody/c2d", 404)["error"]["name"] == "DeviceNotFound"

    received = []
    connect(device).on_message_received = received.append
    eventually(lambda: len(received) == 2, "both are delivered")
    eventually(lambda: control.get(path)["messages"] == [], "the queue is empty")

    def told():
        events = [event for event in reader.of(device.device_id) if event["event"].startswith("c2d-")]
        return sorted((event["detail"]["sequenceNumber"], event["event"]) for event in events)

    names = ("c2d-completed", "c2d-delivered", "c2d-enqueued")
    eventually(lambda: told() == [(number, name) for number in (1, 2) for name in names], "each state is told once")


def test_feedback_is_told_and_looked_at(control, device, read_events):
    reader = read_events(events="feedback")
    name = device.device_id
    for ack in ("full", "none"):
        control.post(f"devices/{name}/c2d", {"body": "x", "messageId": ack, "ack": ack}, 201)
    control.delete(f"service/devices/{name}/commands", 200, **{"api-version": "2021-04-12"})
    (event,) = eventually(lambda: reader.of(name), "the record is told")
    assert event["detail"]["originalMessageId"] == "full"
    assert event["detail"]["statusCode"] == "Purged"
    for _ in range(2):
        mine = [each for each in control.get("feedback")["records"] if each["record"]["deviceId"] == name]
        assert [each["record"] for each in mine] == [event["detail"]]
        assert mine[0]["state"] in ("collecting", "available")
    assert len(control.get("feedback", limit=1)["records"]) == 1
    assert "'limit'" in control.get("feedback", 400, limit=0)["error"]["message"]


def test_a_module_has_a_queue_of_its_own(control, service, device):
    service.create_module_with_sas(device.device_id, "pump", "", "", "")
    path = f"devices/{device.device_id}/modules/pump/c2d"
    control.post(path, {"body": "hello"}, 201)
    assert [each["body"] for each in control.get(path)["messages"]] == ["hello"]
    assert control.get(f"devices/{device.device_id}/c2d")["messages"] == []
    assert control.get(f"devices/{device.device_id}/modules/other/c2d", 404)
