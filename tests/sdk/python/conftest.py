import contextlib
import os
import re
import uuid

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.exceptions import NoConnectionError
from azure.iot.hub import IoTHubRegistryManager

from eventually import SLOWNESS
from hub_process import HubProcess

HUB = pytest.StashKey()


def pytest_configure(config):
    config.stash[HUB] = None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what the hub said since the test began."""
    report = (yield).get_result()
    hub = item.config.stash[HUB]
    if report.failed and hub is not None and hub.log_file.exists():
        report.sections.append(("the hub's log", hub.log()[getattr(item, "log_begins", 0) :][-6000:]))


@pytest.fixture(scope="session")
def hub_process(request, tmp_path_factory):
    hub = HubProcess(os.environ["IOTHUB_TEST_BINARY"], tmp_path_factory.mktemp("hub"))
    request.config.stash[HUB] = hub
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hub(hub_process, request, monkeypatch):
    """The running hub, trusted by this process. One for all tests, as the ports are: each test has its own devices."""
    if not hub_process.running:  # the test before stopped or killed it
        hub_process.start()
    request.node.log_begins = len(hub_process.log())
    client_environment = hub_process.environment()
    for name in os.environ.keys() - client_environment.keys():
        monkeypatch.delenv(name)
    for name, value in client_environment.items():
        monkeypatch.setenv(name, value)
    return hub_process


@pytest.fixture
def service(hub):
    """The registry manager of a policy with all rights."""
    return IoTHubRegistryManager.from_connection_string(hub.connection_string())


@pytest.fixture
def name(request):
    """A device id that no other test uses and that shows, in the log, which test it belongs to."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name.removeprefix("test_"))
    return f"{words[:60]}-{uuid.uuid4().hex[:8]}"


class Registered:
    """An identity with the connection string its client uses."""

    def __init__(self, hub, identity, module_id=None):
        self.device_id = identity.device_id
        self.module_id = module_id
        self.key = identity.authentication.symmetric_key.primary_key
        self._host = hub.host

    @property
    def client_id(self):
        return f"{self.device_id}/{self.module_id}" if self.module_id else self.device_id

    def connection_string(self, key=None):
        module = f"ModuleId={self.module_id};" if self.module_id else ""
        return f"HostName={self._host};DeviceId={self.device_id};{module}SharedAccessKey={key or self.key}"


@pytest.fixture
def device(hub, service, name):
    return Registered(hub, service.create_device_with_sas(name, "", "", "enabled"))


@pytest.fixture
def new_module(hub, service, device):
    def create(module_id="module"):
        return Registered(hub, service.create_module_with_sas(device.device_id, module_id, "", "", ""), module_id)

    return create


@pytest.fixture
def module(new_module):
    return new_module()


@pytest.fixture
def client_of(hub):
    """Makes the SDK's client of a device or module; all are shut down at the end of the test."""
    clients = []

    def create(registered, key=None, **options):
        cls = IoTHubModuleClient if registered.module_id else IoTHubDeviceClient
        # After a failed attempt the SDK waits 10 s before the next, unless told otherwise.
        options = {"connection_retry_interval": 1, **options}
        client = cls.create_from_connection_string(registered.connection_string(key), **options)
        clients.append(client)
        return client

    yield create
    for client in clients:
        # The hub may have closed the connection just now: the SDK can find it gone in the middle of its own disconnect.
        with contextlib.suppress(NoConnectionError):
            client.shutdown()


@pytest.fixture
def connect(client_of):
    def connected(registered, **options):
        client = client_of(registered, **options)
        client.connect()
        return client

    return connected


def pytest_report_header():
    return f"binary: {os.environ.get('IOTHUB_TEST_BINARY')}, time limits x{SLOWNESS}"
