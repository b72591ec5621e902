"""A hub of one's own, used by Microsoft's SDKs, and all that a test may do with it."""

import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
from azure.eventhub import EventHubConsumerClient
from azure.iot.device import Message
from azure.iot.hub import IoTHubRegistryManager

from pytest_iothub_emulator import ControlError, MessagesMissing


def service_of(hub):
    return IoTHubRegistryManager.from_connection_string(hub.connection_string())


def test_what_a_device_sends_is_waited_for(iothub, connect):
    device = connect(iothub)
    message = Message('{"temperature": 21.5}', content_encoding="utf-8", content_type="application/json")
    message.custom_properties["level"] = "2"
    threading.Timer(0.2, device.send_message, [message]).start()
    (came,) = iothub.messages(device="d1", properties={"level": "2"}, body_values={"/temperature": 21.5})
    assert came.body == {"temperature": 21.5}
    assert came.data == b'{"temperature": 21.5}'
    assert came.properties == {"level": "2"}
    assert came.module is None
    assert abs(came.enqueued_time - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert iothub.messages(device="d1", body_contains="elsewhere", count=0) == []


def test_messages_are_counted_from_a_place_in_the_stream(iothub, connect):
    device = connect(iothub)
    for body in ("1", "2"):
        device.send_message(body)
    first = iothub.messages(count=2)
    assert [each.body for each in first] == [1, 2]
    now = iothub.now()
    device.send_message("3")
    assert [each.body for each in iothub.messages(since=first.next)] == [3]
    assert [each.body for each in iothub.messages(since=now)] == [3]


def test_messages_that_do_not_come_fail_the_test_and_say_what_came(iothub, connect):
    connect(iothub).send_message("only this")
    with pytest.raises(MessagesMissing) as failure:
        iothub.messages(device="d1", count=2, timeout=0.1)
    assert [each.body for each in failure.value.came] == ["only this"]
    assert "1 of 2 messages came to" in str(failure.value)
    assert "only this" in str(failure.value)
    with pytest.raises(ControlError) as refusal:
        iothub.messages(timeout=3600)
    assert refusal.value.status == 400


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_an_empty_hub(iothub, connect, turn):
    assert service_of(iothub).get_devices() == []
    connect(iothub)
    assert [each["device"] for each in iothub.connections()] == ["d1"]


def test_the_hub_of_the_session_is_another_one(iothub, iothub_session, connect):
    connect(iothub, "same-name").send_message("for the test's hub")
    connect(iothub_session, "same-name").send_message("for the session's hub")
    assert [each.body for each in iothub.messages(device="same-name")] == ["for the test's hub"]
    assert [each.body for each in iothub_session.messages(device="same-name")] == ["for the session's hub"]


def test_the_built_in_endpoint_is_read_by_its_connection_string(iothub, connect):
    connect(iothub).send_message("for event hubs")
    came = []
    consumer = EventHubConsumerClient.from_connection_string(os.environ["EVENTHUB_CONNECTION_STRING"], "$Default")

    def take(_, event):
        came.append(event.body_as_str())
        consumer.close()

    consumer.receive(take, starting_position="-1")
    assert came == ["for event hubs"]


def test_a_program_finds_the_hub_by_its_environment(iothub):
    program = """if True:
        import os
        from azure.iot.hub import IoTHubRegistryManager
        service = IoTHubRegistryManager.from_connection_string(os.environ["IOTHUB_CONNECTION_STRING"])
        service.create_device_with_sas("from-a-program", "", "", "enabled")
    """
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **iothub.environment()}, check=True)
    assert [each.device_id for each in service_of(iothub).get_devices()] == ["from-a-program"]
    assert "-Djavax.net.ssl.trustStore=" in iothub.environment()["JAVA_TOOL_OPTIONS"]


def test_the_clock_is_in_the_test_s_hand(iothub):
    iothub.clock.freeze("2030-01-02T03:04:05Z")
    assert iothub.clock.frozen
    assert iothub.clock.advance("1h") == datetime(2030, 1, 2, 4, 4, 5, tzinfo=timezone.utc)
    assert iothub.clock.advance(timedelta(seconds=1.5)) == datetime(2030, 1, 2, 4, 4, 6, 500_000, timezone.utc)
    iothub.clock.set(datetime(2031, 1, 1, tzinfo=timezone.utc))
    service = service_of(iothub)
    service.create_device_with_sas("d1", "", "", "enabled")
    assert service.get_twin("d1").properties.desired["$metadata"]["$lastUpdated"].startswith("2031-01-01T00:00:00")
    iothub.clock.resume(real=True)
    assert not iothub.clock.frozen
    assert abs(iothub.clock.time - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_a_fault_strikes_while_it_is_there(iothub):
    service = service_of(iothub)
    service.create_device_with_sas("d1", "", "", "enabled")
    with iothub.faults.add("status", status=404, operation="get device", protocol="http") as fault:
        with pytest.raises(Exception, match="Not Found"):
            service.get_device("d1")
        assert fault.struck == 1
    assert fault.struck is None
    assert service.get_device("d1").device_id == "d1"
    used_up = iothub.faults.add("delay", delay=timedelta(milliseconds=20), operation="get device", count=1)
    service.get_device("d1")
    assert used_up.struck in (None, 1)
    iothub.faults.clear()


def test_a_hub_is_reset_and_restored(iothub, connect):
    connect(iothub).send_message("before")
    iothub.save("with-a-message")
    iothub.reset()
    assert service_of(iothub).get_devices() == []
    iothub.restore("with-a-message")
    assert [each.body for each in iothub.messages(count=0)] == ["before"]
    copy = iothub.emulator.new_hub(snapshot="with-a-message")
    assert [each.body for each in copy.messages(count=0)] == ["before"]
    copy.remove()
    iothub.reset(device="d1")
    assert iothub.messages(count=0) == []


def test_a_refusal_is_explained(iothub, connect):
    service = service_of(iothub)
    with pytest.raises(Exception, match="Not Found"):
        service.get_device("nobody")
    assert any("nobody" in str(each) for each in iothub.refusals())
    with pytest.raises(ControlError) as refusal:
        iothub.device_connection_string("nobody")
    assert (refusal.value.status, refusal.value.name) == (404, "DeviceNotFound")
