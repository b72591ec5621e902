"""The identity registry, by azure-iot-hub."""

import base64

from azure.iot.hub import IoTHubRegistryManager

from refused import refused

STALE = "AAAAAAAAAAA="


def keys(identity):
    pair = identity.authentication.symmetric_key
    return pair.primary_key, pair.secondary_key


def test_the_hub_makes_two_different_keys_of_32_bytes_where_none_are_given(service, name):
    primary, secondary = keys(service.create_device_with_sas(name, "", "", "enabled"))
    assert primary != secondary
    assert len(base64.b64decode(primary)) == len(base64.b64decode(secondary)) == 32


def test_given_keys_are_kept(service, name):
    given = tuple(base64.b64encode(byte * 32).decode() for byte in (b"p", b"s"))
    service.create_device_with_sas(name, *given, "enabled")
    assert keys(service.get_device(name)) == given


def test_a_second_creation_of_a_device_is_refused_with_409_and_reading_gives_the_same_keys(service, device):
    with refused(409, "DeviceAlreadyExists"):
        service.create_device_with_sas(device.device_id, "", "", "enabled")
    assert keys(service.get_device(device.device_id))[0] == device.key


def test_a_second_creation_of_a_module_is_refused_with_409_and_reading_gives_the_same_keys(service, module):
    with refused(409):
        service.create_module_with_sas(module.device_id, module.module_id, "", "", "")
    assert keys(service.get_module(module.device_id, module.module_id))[0] == module.key


def test_ids_differ_by_case(service, name):
    lower = service.create_device_with_sas(name + "-x", "", "", "enabled")
    upper = service.create_device_with_sas(name + "-X", "", "", "enabled")
    assert keys(lower) != keys(upper)
    assert keys(service.get_device(name + "-x")) == keys(lower)
    assert keys(service.get_device(name + "-X")) == keys(upper)


def test_an_id_with_every_allowed_sign_is_found_again(service, name):
    device_id = name + "-:.+%_#*?!(),=@$'"
    service.create_device_with_sas(device_id, "", "", "enabled")
    assert service.get_device(device_id).device_id == device_id
    service.delete_device(device_id)
    with refused(404, "DeviceNotFound"):
        service.get_device(device_id)


def test_an_update_with_the_current_etag_changes_the_device_and_its_etag(service, device):
    before = service.get_device(device.device_id)
    after = service.update_device_with_sas(device.device_id, before.etag, *keys(before), "disabled")
    assert (after.status, after.etag != before.etag) == ("disabled", True)
    assert service.get_device(device.device_id).etag == after.etag


def test_an_update_with_a_stale_etag_is_refused_with_412_and_changes_nothing(service, device):
    with refused(412, "PreconditionFailed"):
        service.update_device_with_sas(device.device_id, STALE, "", "", "disabled")
    assert service.get_device(device.device_id).status == "enabled"


def test_a_deletion_with_a_stale_etag_is_refused_with_412(service, device):
    with refused(412):
        service.delete_device(device.device_id, STALE)
    assert service.get_device(device.device_id).device_id == device.device_id


def test_deleting_a_device_removes_its_modules_and_twins(service, module):
    service.delete_device(module.device_id)
    with refused(404, "DeviceNotFound"):
        service.get_device(module.device_id)
    with refused(404):
        service.get_twin(module.device_id)
    with refused(404):
        service.get_module_twin(module.device_id, module.module_id)


def test_a_device_made_again_has_a_new_generation_and_new_keys(service, device):
    old = service.get_device(device.device_id)
    service.delete_device(device.device_id)
    new = service.create_device_with_sas(device.device_id, "", "", "enabled")
    assert new.generation_id != old.generation_id
    assert keys(new) != keys(old)


def test_what_is_not_there_is_404(service, device, name):
    with refused(404, "DeviceNotFound"):
        service.get_device(name + "-missing")
    with refused(404):
        service.get_module(device.device_id, "missing")
    with refused(404):
        service.delete_device(name + "-missing")
    with refused(404):
        service.delete_module(device.device_id, "missing")


def test_modules_of_a_missing_device_are_401(service, name):
    with refused(401):
        service.get_modules(name + "-missing")


def test_all_devices_are_listed_up_to_the_number_asked_for(service, name):
    made = {f"{name}-{n}" for n in range(3)}
    for device_id in made:
        service.create_device_with_sas(device_id, "", "", "enabled")
    assert made <= {listed.device_id for listed in service.get_devices(1000)}
    assert len(service.get_devices(2)) == 2


def test_the_modules_of_a_device_are_listed(service, device, new_module):
    assert service.get_modules(device.device_id) == []
    new_module("a")
    new_module("b")
    listed = service.get_modules(device.device_id)
    assert {entry.module_id for entry in listed} == {"a", "b"}
    assert {entry.device_id for entry in listed} == {device.device_id}


def with_another_key(connection_string):
    head, _, _ = connection_string.partition("SharedAccessKey=")
    return head + "SharedAccessKey=" + base64.b64encode(b"another key than that of the hub").decode()


def test_a_wrong_key_is_refused_with_401(hub, device):
    stranger = IoTHubRegistryManager.from_connection_string(with_another_key(hub.connection_string()))
    with refused(401, "IotHubUnauthorizedAccess"):
        stranger.get_device(device.device_id)


def test_an_unknown_policy_is_refused_with_401(hub, device):
    renamed = hub.connection_string().replace("iothubowner", "nobody")
    with refused(401):
        IoTHubRegistryManager.from_connection_string(renamed).get_device(device.device_id)


def test_each_policy_has_only_its_rights(hub, service, device, name):
    def manager(policy):
        return IoTHubRegistryManager.from_connection_string(hub.connection_string(policy))

    manager("registryRead").get_device(device.device_id)
    with refused(401):
        manager("registryRead").create_device_with_sas(name + "-1", "", "", "enabled")
    with refused(401):
        manager("registryRead").get_twin(device.device_id)
    manager("registryReadWrite").create_device_with_sas(name + "-2", "", "", "enabled")
    manager("service").get_twin(device.device_id)
    with refused(401):
        manager("service").get_device(device.device_id)
    with refused(401):
        manager("device").get_twin(device.device_id)


def test_the_hub_is_also_found_by_its_loopback_address(hub, device):
    by_address = hub.connection_string().replace("HostName=localhost", "HostName=127.0.0.1")
    assert by_address != hub.connection_string()
    registry = IoTHubRegistryManager.from_connection_string(by_address)
    assert registry.get_device(device.device_id).device_id == device.device_id
