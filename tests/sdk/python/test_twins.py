"""Twins from both ends: azure-iot-hub as the service, azure-iot-device as device and module."""

import pytest
from azure.iot.hub.models import Twin

from eventually import eventually
from patches import Patches
from refused import refused
from twin_patch import desired, read_twin, update_twin

STALE = "AAAAAAAAAAA="


def test_a_new_twin_is_empty_with_versions_1(service, device):
    twin = service.get_twin(device.device_id)
    assert twin.etag == "AAAAAAAAAAE="
    assert twin.properties.desired["$version"] == twin.properties.reported["$version"] == 1
    assert [key for key in twin.properties.desired if not key.startswith("$")] == []


def test_a_patch_with_the_current_etag_is_merged_and_one_with_a_stale_etag_is_refused_with_412(service, device):
    first = service.update_twin(device.device_id, desired(a=1, nested={"b": 2, "c": 3}), "AAAAAAAAAAE=")
    assert first.properties.desired["$version"] == 2
    second = service.update_twin(device.device_id, desired(nested={"b": None}), first.etag)
    assert second.properties.desired["nested"] == {"c": 3}
    with refused(412, "PreconditionFailed"):
        service.update_twin(device.device_id, desired(a=5), first.etag)
    assert service.get_twin(device.device_id).properties.desired["a"] == 1


def test_a_module_twin_with_a_stale_etag_is_refused_with_412(service, module):
    with refused(412, "PreconditionFailed"):
        service.update_module_twin(module.device_id, module.module_id, desired(a=1), STALE)


def test_the_twin_of_a_missing_identity_is_404(service, device, name):
    with refused(404):
        service.get_twin(name + "-missing")
    with refused(404):
        service.update_twin(name + "-missing", desired(a=1))
    with refused(404):
        service.get_module_twin(device.device_id, "missing")


def test_tags_are_merged_and_stay_out_of_the_device_s_sight(service, device, connect):
    service.update_twin(device.device_id, Twin(tags={"floor": 3, "room": "a"}))
    twin = service.update_twin(device.device_id, Twin(tags={"room": None}))
    assert twin.tags == {"floor": 3}
    assert twin.properties.desired["$version"] == 1
    assert set(connect(device).get_twin()) == {"desired", "reported"}


@pytest.mark.parametrize("kind", ["device", "module"])
def test_a_desired_patch_reaches_the_client(service, kind, request, connect):
    registered = request.getfixturevalue(kind)
    patches = Patches(connect(registered))
    twin = update_twin(service, registered, desired(telemetryInterval=122))
    patch = patches.wait_for("telemetryInterval", 122)
    assert patch == {"telemetryInterval": 122, "$version": twin.properties.desired["$version"]}


@pytest.mark.parametrize("kind", ["device", "module"])
def test_a_client_reads_its_twin_and_the_service_sees_what_it_reports(service, kind, request, connect):
    registered = request.getfixturevalue(kind)
    update_twin(service, registered, desired(interval=5))
    client = connect(registered)
    twin = client.get_twin()
    assert twin["desired"] == {"interval": 5, "$version": 2}
    assert twin["reported"] == {"$version": 1}

    client.patch_twin_reported_properties({"battery": 80, "network": {"ssid": "home", "channel": 6}})
    reported = read_twin(service, registered).properties.reported
    assert (reported["battery"], reported["network"]["ssid"], reported["$version"]) == (80, "home", 2)
    assert client.get_twin()["reported"] == {"battery": 80, "network": {"ssid": "home", "channel": 6}, "$version": 2}


def test_a_null_deletes_a_reported_property(service, device, connect):
    client = connect(device)
    client.patch_twin_reported_properties({"kept": 1, "gone": 2, "nested": {"kept": 3, "gone": 4}})
    client.patch_twin_reported_properties({"gone": None, "nested": {"gone": None}})
    reported = service.get_twin(device.device_id).properties.reported
    assert (reported["kept"], reported["nested"]) == (1, {"kept": 3})
    assert "gone" not in reported


def test_reported_properties_have_metadata_that_the_service_reads(service, device, connect):
    connect(device).patch_twin_reported_properties({"battery": 80})
    metadata = service.get_twin(device.device_id).properties.reported["$metadata"]
    assert metadata["$lastUpdated"] == metadata["battery"]["$lastUpdated"]


def test_replacing_the_desired_properties_sends_null_for_each_that_vanished(service, device, connect):
    before = service.update_twin(device.device_id, desired(a=1, b=2))
    patches = Patches(connect(device))
    after = service.replace_twin(device.device_id, desired(a=1, c=100), before.etag)
    assert patches.wait_for("c", 100) == {"a": 1, "b": None, "c": 100, "$version": 3}
    assert {key for key in after.properties.desired if not key.startswith("$")} == {"a", "c"}


def test_fifty_patches_arrive_in_order_with_ascending_versions(service, module, connect):
    patches = Patches(connect(module))
    for n in range(50):
        service.update_module_twin(module.device_id, module.module_id, desired(n=n))
    eventually(lambda: len(patches.holding("n")) >= 50, "50 patches arrive")
    assert [patch["n"] for patch in patches.holding("n")] == list(range(50))
    assert [patch["$version"] for patch in patches.holding("n")] == list(range(2, 52))


def test_two_modules_of_a_device_hear_only_their_own_patches(service, device, new_module, connect):
    modules = [new_module("left"), new_module("right")]
    heard = {module.module_id: Patches(connect(module)) for module in modules}
    on_device = Patches(connect(device))
    for module in modules:
        service.update_module_twin(device.device_id, module.module_id, desired(to=module.module_id))
    service.update_twin(device.device_id, desired(to="device"))
    for module_id, patches in {**heard, "device": on_device}.items():
        patches.wait_for("to", module_id)
        # A second patch behind the first: had a foreign one been sent too, it would have come before this.
        if module_id == "device":
            service.update_twin(device.device_id, desired(last=True))
        else:
            service.update_module_twin(device.device_id, module_id, desired(last=True))
        patches.wait_for("last", True)
        assert [patch["to"] for patch in patches.holding("to")] == [module_id]
