"""Cloud-to-device messages: sent with azure-iot-hub over AMQP, received with azure-iot-device over MQTT."""

import pytest

from eventually import eventually


def received_by(client):
    messages = []
    client.on_message_received = messages.append
    return messages


def test_a_message_reaches_a_connected_device_with_its_properties(service, device, connect):
    client = connect(device)
    messages = received_by(client)
    eventually(lambda: client.connected, "the device is connected")
    service.send_c2d_message(
        device.device_id, "turn on", {"messageId": "m-1", "correlationId": "c-1", "contentType": "text/plain", "level": "3"}
    )
    eventually(lambda: messages, "the message comes", 10)

    (message,) = messages
    assert message.data == b"turn on"
    assert message.message_id == "m-1"
    assert message.correlation_id == "c-1"
    assert message.content_type == "text/plain"
    assert message.custom_properties == {"level": "3"}


def test_messages_wait_for_their_device_in_order(service, device, connect):
    for number in range(3):
        service.send_c2d_message(device.device_id, f"message {number}", {})
    assert service.get_device(device.device_id).cloud_to_device_message_count == 3

    messages = received_by(connect(device))
    eventually(lambda: len(messages) == 3, "all come", 10)
    assert [message.data for message in messages] == [b"message 0", b"message 1", b"message 2"]
    eventually(lambda: service.get_device(device.device_id).cloud_to_device_message_count == 0, "all are settled", 10)


def test_the_51st_waiting_message_and_one_to_a_stranger_are_refused(service, device, name):
    for number in range(50):
        service.send_c2d_message(device.device_id, f"message {number}", {})
    with pytest.raises(Exception, match="C2D message send failure"):
        service.send_c2d_message(device.device_id, "one too many", {})
    assert service.get_device(device.device_id).cloud_to_device_message_count == 50
    with pytest.raises(Exception, match="C2D message send failure"):
        service.send_c2d_message(name + "-stranger", "hello", {})
