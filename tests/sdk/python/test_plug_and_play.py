"""IoT Plug and Play: the model that a device or module says when it connects."""

import pytest
from azure.eventhub import EventHubConsumerClient
from azure.iot.device import Message

from eventually import eventually
from test_event_hubs import Received
from twin_patch import read_twin

MODEL = "dtmi:com:example:Controller;2"


@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "websocket"])
@pytest.mark.parametrize("kind", ["device", "module"])
def test_the_twin_and_telemetry_name_the_model(hub, service, request, connect, kind, websockets):
    registered = request.getfixturevalue(kind)
    # This SDK takes a model id for the whole of the product information.
    client = connect(registered, product_info=MODEL, websockets=websockets)
    assert read_twin(service, registered).additional_properties["modelId"] == MODEL
    message = Message('{"temperature":21}', content_type="application/json", content_encoding="utf-8")
    message.custom_properties["$.sub"] = "thermostat1"
    client.send_message(message)

    consumer = EventHubConsumerClient.from_connection_string(hub.event_hub_connection_string, "$Default")
    with consumer:
        received = Received(consumer)
        (event,) = eventually(lambda: received.of(registered.device_id), "the event arrives")
    assert event.system_properties[b"dt-dataschema"] == MODEL.encode()
    assert event.system_properties[b"dt-subject"] == b"thermostat1"
    assert event.properties == {}


def test_a_newer_model_replaces_the_older_and_none_leaves_it(service, device, connect):
    for said, kept in (("dtmi:com:example:Controller;1",) * 2, (MODEL, MODEL), ("", MODEL)):
        connect(device, product_info=said).disconnect()
        assert read_twin(service, device).additional_properties["modelId"] == kept
