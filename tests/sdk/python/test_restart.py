"""What was acknowledged is there after the hub has gone and come back on the same data folder."""

import os
import stat

import pytest
from azure.iot.hub import IoTHubRegistryManager

from eventually import eventually
from patches import Patches
from refused import refused
from twin_patch import desired


@pytest.fixture(params=["kill", "stop"])
def restart(hub, request):
    """SIGKILL, or an orderly end."""

    def again():
        getattr(hub, request.param)()
        hub.start()

    return again


def test_devices_modules_and_keys_are_there_after_a_restart(hub, service, device, new_module, restart):
    modules = [new_module(f"m{n}") for n in range(3)]
    service.delete_module(device.device_id, "m1")
    owner = hub.connection_string()
    restart()
    assert hub.connection_string() == owner
    assert service.get_device(device.device_id).authentication.symmetric_key.primary_key == device.key
    read = service.get_module(device.device_id, "m2").authentication.symmetric_key.primary_key
    assert read == modules[2].key
    with refused(404):
        service.get_module(device.device_id, "m1")


def test_twins_are_there_after_a_restart(service, device, connect, restart):
    client = connect(device)
    client.patch_twin_reported_properties({"battery": 80})
    written = service.update_twin(device.device_id, desired(interval=5))
    client.disconnect()
    restart()
    read = service.get_twin(device.device_id)
    assert read.etag == written.etag
    assert read.properties.desired == written.properties.desired
    assert read.properties.reported["battery"] == 80


def test_every_one_of_many_acknowledged_writes_is_there_after_a_kill(hub, service, device):
    for n in range(100):
        acknowledged = service.update_twin(device.device_id, desired(n=n))
    hub.kill()
    hub.start()
    assert service.get_twin(device.device_id).properties.desired == acknowledged.properties.desired


def test_a_client_comes_back_by_itself_and_hears_patches_without_subscribing_again(service, module, connect, restart):
    client = connect(module)
    patches = Patches(client)
    restart()
    eventually(
        lambda: service.get_module(module.device_id, module.module_id).connection_state == "Connected",
        "the module is connected again",
        30,
    )
    service.update_module_twin(module.device_id, module.module_id, desired(after="restart"))
    patches.wait_for("after", "restart")


def test_the_certificate_authority_stays_the_same(hub, service, device, restart):
    with open(hub.ca_file, encoding="ascii") as file:
        before = file.read()
    restart()
    with open(hub.ca_file, encoding="ascii") as file:
        assert file.read() == before
    assert service.get_device(device.device_id).device_id == device.device_id


def test_nobody_else_may_read_the_key_of_the_certificate_authority(hub):
    keys = [path for path in hub.ca_folder.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert keys
    assert all(stat.S_IMODE(os.stat(path).st_mode) == 0o600 for path in keys)


def test_a_second_hub_on_the_same_ports_says_which_is_taken_and_ends_with_status_3(hub, tmp_path):
    second = hub.run("serve", "--in-memory", "--ca-dir", tmp_path)
    assert second.returncode == 3
    assert any(str(port) in second.stderr for port in hub.ports.values())


def test_a_second_hub_on_the_same_data_is_refused(hub, tmp_path):
    ports = ["--https-port", "0", "--mqtts-port", "0", "--amqps-port", "0", "--amqp-port", "0", "--portal-port", "0"]
    second = hub.run("serve", "--data", hub.data, "--ca-dir", tmp_path, *ports)
    assert second.returncode == 1
    assert str(hub.data) in second.stderr
    # The first one goes on undisturbed.
    IoTHubRegistryManager.from_connection_string(hub.connection_string()).get_devices(1)
