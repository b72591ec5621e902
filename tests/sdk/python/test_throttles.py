"""A hub with a tier: too many operations and too many messages, as Microsoft's SDKs meet them."""

import pytest
from azure.iot.device import Message
from azure.iot.device.exceptions import ConnectionDroppedError, OperationCancelled
from azure.iot.hub.models import QuerySpecification

from control.control_api import ControlApi
from refused import refused


@pytest.fixture
def tier(hub):
    """Starts the hub again with that tier."""

    def start(name):
        hub.stop()
        hub.start("--tier", name)

    yield start
    hub.stop()
    hub.start()


def test_registry_and_queries_over_the_rate(tier, hub, service, device):
    tier("S1")
    ControlApi(hub.ports["portal"]).post("clock/freeze")  # no bucket fills again, however slowly this machine asks
    query = QuerySpecification(query="SELECT * FROM devices")
    for _ in range(20):
        service.query_iot_hub(query)
    with refused(429):
        service.query_iot_hub(query)

    for _ in range(100):
        service.get_device(device.device_id)
    with refused(429, "ThrottlingException"):  # no GET: the SDK repeats those by itself
        service.update_device_with_sas(device.device_id, "*", "", "", "enabled")
    assert service.get_twin(device.device_id).device_id == device.device_id  # another rate


def test_a_basic_tier_has_no_twins(tier, service, device):
    tier("B1")
    assert service.get_device(device.device_id).device_id == device.device_id
    with refused(403):
        service.get_twin(device.device_id)


def test_the_messages_of_a_day(tier, hub, device, client_of, service):
    tier("F1")
    client = client_of(device, connection_retry=False)
    client.connect()
    for _ in range(16):  # 500 of the day's 8000 messages each
        client.send_message(Message(bytes(500 * 512)))
    with pytest.raises((ConnectionDroppedError, OperationCancelled)):
        client.send_message("one more")
    assert "exceeded the allocated quota" in hub.log()
    with refused(403):
        service.get_twin(device.device_id)

    # Not with another process either: the day is the hub's.
    hub.stop()
    hub.start("--tier", "F1")
    with refused(403):
        service.get_twin(device.device_id)
