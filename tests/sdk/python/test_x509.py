"""Devices and modules with certificates that they signed themselves, registered by thumbprint: azure-iot-device over MQTT
and WebSocket, and HTTPS with a client certificate."""

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.exceptions import CredentialError

from certificates import Certificates, cert, thumbprint, x509
from device_http import HttpDevice
from eventually import eventually
from stored_telemetry import stored_telemetry
from twin_patch import desired, read_twin, update_twin
from patches import Patches

UNUSED = "0" * 40


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def own(certificates):
    return certificates.create("self-signed")


@pytest.fixture(scope="module")
def another(certificates):
    return certificates.create("self-signed")


class Registered:
    """A device or module that is known by its certificate."""

    def __init__(self, device_id, module_id=None):
        self.device_id = device_id
        self.module_id = module_id


@pytest.fixture
def register(service, name):
    """Registers a device, or a module of one, with these thumbprints."""

    def create(primary, secondary, kind="device"):
        service.create_device_with_x509(name, primary, secondary, "enabled")
        if kind == "device":
            return Registered(name)
        service.create_module_with_x509(name, "m", "", primary, secondary)
        return Registered(name, "m")

    return create


@pytest.fixture
def client_of(hub):
    clients = []

    def create(registered, certificate, **options):
        ids = {"device_id": registered.device_id}
        if registered.module_id:
            ids["module_id"] = registered.module_id
        cls = IoTHubModuleClient if registered.module_id else IoTHubDeviceClient
        client = cls.create_from_x509_certificate(
            x509=x509(certificate), hostname=hub.host, connection_retry=False, **ids, **options
        )
        clients.append(client)
        return client

    yield create
    for client in clients:
        client.shutdown()


@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "websocket"])
@pytest.mark.parametrize("kind", ["device", "module"])
def test_telemetry_and_twin_with_a_certificate(hub, service, own, register, client_of, kind, websockets):
    registered = register(thumbprint(own), UNUSED, kind)
    client = client_of(registered, own, websockets=websockets)
    client.connect()
    client.send_message("by certificate")
    assert stored_telemetry(hub, registered.device_id) == [(b"by certificate", [])]
    client.patch_twin_reported_properties({"by": "thumbprint"})
    assert read_twin(service, registered).properties.reported["by"] == "thumbprint"
    patches = Patches(client)
    update_twin(service, registered, desired(n=1))
    patches.wait_for("n", 1)


@pytest.mark.parametrize("websockets", [False, True], ids=["mqtt", "websocket"])
def test_a_cloud_to_device_message_with_a_certificate(service, own, register, client_of, websockets):
    registered = register(thumbprint(own), UNUSED)
    service.send_c2d_message(registered.device_id, "waiting", {})
    client = client_of(registered, own, websockets=websockets)
    messages = []
    client.on_message_received = messages.append
    client.connect()
    service.send_c2d_message(registered.device_id, "live", {})
    eventually(lambda: len(messages) == 2, "both come")
    assert [message.data for message in messages] == [b"waiting", b"live"]
    eventually(lambda: service.get_device(registered.device_id).cloud_to_device_message_count == 0, "both are settled")


@pytest.mark.parametrize("place", ["primary", "secondary"])
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_either_thumbprint_of_either_digest_is_good_on_every_transport(
    hub, own, another, register, client_of, digest, place
):
    shown, unused = thumbprint(own, digest), "0" * len(thumbprint(own, digest))
    registered = register(*((shown, unused) if place == "primary" else (unused, shown)))
    for websockets in (False, True):
        client = client_of(registered, own, websockets=websockets)
        client.connect()
        client.disconnect()
        with pytest.raises(CredentialError):
            client_of(registered, another, websockets=websockets).connect()
    assert HttpDevice(hub, registered.device_id, cert=cert(own)).send(b"x").status_code == 204
    assert HttpDevice(hub, registered.device_id, cert=cert(another)).send(b"x").status_code == 401
    assert len(stored_telemetry(hub, registered.device_id)) == 1


def test_messages_both_ways_over_https_with_a_certificate(hub, service, own, register):
    registered = register(thumbprint(own), UNUSED)
    device = HttpDevice(hub, registered.device_id, cert=cert(own))
    assert device.send(b"there", **{"iothub-app-level": "high"}).status_code == 204
    assert stored_telemetry(hub, registered.device_id) == [(b"there", [["level", "high"]])]
    assert device.receive().status_code == 204
    service.send_c2d_message(registered.device_id, "back", {"level": "low"})
    message = device.receive()
    assert (message.status_code, message.content, message.headers["iothub-app-level"]) == (200, b"back", "low")
    assert device.complete(message).status_code == 204
    assert service.get_device(registered.device_id).cloud_to_device_message_count == 0


def test_a_module_s_certificate_does_not_open_its_device(service, own, another, register, client_of):
    registered = register(thumbprint(own), UNUSED, "module")
    service.update_module_with_x509(
        registered.device_id, "m", "", service.get_module(registered.device_id, "m").etag, thumbprint(another), UNUSED
    )
    with pytest.raises(CredentialError):
        client_of(Registered(registered.device_id), another).connect()
    client_of(registered, another).connect()


def test_no_certificate_opens_a_device_that_has_keys(hub, device, own, client_of):
    with pytest.raises(CredentialError):
        client_of(Registered(device.device_id), own).connect()
    assert HttpDevice(hub, device.device_id, cert=cert(own)).send(b"x").status_code == 401
