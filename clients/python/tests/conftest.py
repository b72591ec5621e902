import os

import pytest
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager

pytest_plugins = ["pytester"]

# What the tests run with must not lead inner runs of pytest away from what they are about.
for name in ("IOTHUB_CONTROL_URL", "PYTEST_XDIST_WORKER", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
    os.environ.pop(name, None)


@pytest.fixture
def connect():
    """Registers a device with a hub by Microsoft's service SDK and connects it by their device SDK."""
    clients = []

    def connected(hub, device_id="d1"):
        service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
        service.create_device_with_sas(device_id, "", "", "enabled")
        client = IoTHubDeviceClient.create_from_connection_string(hub.device_connection_string(device_id))
        clients.append(client)
        client.connect()
        return client

    yield connected
    for client in clients:
        client.shutdown()
