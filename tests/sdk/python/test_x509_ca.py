"""Devices and modules with certificates of a registered CA: azure-iot-device, and HTTPS."""

import uuid

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.exceptions import CredentialError

from certificates import Certificates, cert, thumbprint, x509
from device_http import HttpDevice


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def ca(certificates):
    return certificates.create("maker", ca=True)


@pytest.fixture
def name():
    """Short: a common name holds 64 characters."""
    return f"x509-{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["flag", "ca add"])
def hub(hub_process, hub, ca, request):
    """The running hub, started again with the maker's CA and later without."""
    file = ca.with_suffix(".pem")
    hub_process.stop()
    if request.param == "flag":
        hub_process.flags = ["--device-ca", file]
    else:
        assert hub_process.run("ca", "add", file, "--data", hub_process.data).returncode == 0
    hub_process.start()
    yield hub
    hub_process.stop()
    hub_process.flags = []
    if request.param == "ca add":
        assert hub_process.run("ca", "remove", file.name, "--data", hub_process.data).returncode == 0
    hub_process.start()


@pytest.fixture
def connect(hub):
    clients = []

    def connected(device_id, certificate, module_id=None, **options):
        cls, ids = (IoTHubModuleClient, (device_id, module_id)) if module_id else (IoTHubDeviceClient, (device_id,))
        client = cls.create_from_x509_certificate(x509(certificate), hub.host, *ids, connection_retry=False, **options)
        clients.append(client)
        client.connect()
        return client

    yield connected
    for client in clients:
        client.shutdown()


@pytest.mark.parametrize("websockets", [False, True])
def test_a_certificate_of_a_registered_ca_opens_its_device(service, name, certificates, ca, connect, websockets):
    service.create_device_with_certificate_authority(name, "enabled")
    client = connect(name, certificates.create(name, issuer=ca), websockets=websockets)
    client.patch_twin_reported_properties({"by": "CA"})
    assert service.get_twin(name).properties.reported["by"] == "CA"


@pytest.mark.parametrize("websockets", [False, True])
def test_a_certificate_of_a_registered_ca_opens_its_module(service, name, certificates, ca, connect, websockets):
    service.create_device_with_certificate_authority(name, "enabled")
    service.create_module_with_certificate_authority(name, "m", "")
    client = connect(name, certificates.create(f"{name}/m", issuer=ca), module_id="m", websockets=websockets)
    client.patch_twin_reported_properties({"by": "CA"})
    assert service.get_module_twin(name, "m").properties.reported["by"] == "CA"
    with pytest.raises(CredentialError):
        connect(name, certificates.create(name, issuer=ca), module_id="m", websockets=websockets)


def test_a_certificate_of_a_registered_ca_is_good_over_https(hub, service, name, certificates, ca):
    service.create_device_with_certificate_authority(name, "enabled")
    own, another = certificates.create(name, issuer=ca), certificates.create("another", issuer=ca)
    assert HttpDevice(hub, name, cert=cert(own)).send(b"by CA").status_code == 204
    assert HttpDevice(hub, name, cert=cert(another)).send(b"by another's").status_code == 401
    assert HttpDevice(hub, name).send(b"by nothing").status_code == 401


def test_a_chain_that_the_device_sends_is_followed(service, name, certificates, ca, connect):
    service.create_device_with_certificate_authority(name, "enabled")
    line = certificates.create("line", issuer=ca, ca=True)
    leaf = certificates.create(name, issuer=line)
    with leaf.with_suffix(".pem").open("a") as chain:
        chain.write(line.with_suffix(".pem").read_text())
    assert connect(name, leaf).connected


def test_the_certificate_of_another_device_or_of_another_ca_is_refused(hub, service, name, certificates, ca, connect):
    service.create_device_with_certificate_authority(name, "enabled")
    with pytest.raises(CredentialError):
        connect(name, certificates.create("another", issuer=ca))
    stranger = certificates.create("maker", ca=True)
    with pytest.raises(CredentialError):
        connect(name, certificates.create(name, issuer=stranger))
    with pytest.raises(CredentialError):
        connect(name, certificates.create(name))
    assert "is for 'another', not for" in hub.log()
    assert "is not signed by a CA of the hub" in hub.log()


def test_a_certificate_of_a_registered_ca_is_no_thumbprint(service, name, certificates, ca, connect):
    own = thumbprint(certificates.create(name))
    service.create_device_with_x509(name, own, own, "enabled")
    with pytest.raises(CredentialError):
        connect(name, certificates.create(name, issuer=ca))


def test_a_file_that_is_no_ca_is_told_at_the_start(hub_process, tmp_path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    ended = hub_process.run("serve", "--device-ca", wrong, "--https-port", "0", "--mqtts-port", "0",
                            "--amqps-port", "0", "--amqp-port", "0", "--data", tmp_path, "--ca-dir", tmp_path / "ca")  # fmt: skip
    assert ended.returncode == 1
    assert f"the device CA {wrong} cannot be used: it holds no certificate in PEM" in ended.stderr


def test_ca_add_registers_with_the_hub_of_the_data_folder(hub_process, ca, tmp_path):
    def run(*arguments):
        return hub_process.run("ca", *arguments, "--data", tmp_path)

    file = ca.with_suffix(".pem")
    assert run("add", file).stdout == f"{file.name}\n"
    assert run("add", file).returncode == 1
    assert run("list").stdout == f"{file.name}\n"
    assert run("add", ca.with_suffix(".key")).returncode == 1
    assert run("remove", file.name).returncode == 0
    assert run("list").stdout == ""
    assert run("remove", file.name).returncode == 1
