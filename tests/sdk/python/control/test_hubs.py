"""Many hubs in one process: each on its own address, isolated, made and dropped by one call."""

import time

import pytest
import requests
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager

from control.control_api import ControlApi
from eventually import eventually


@pytest.fixture
def new_hub(control):
    made = []

    def create(**body):
        strings = control.post("hubs", body, 201)
        made.append(strings["hub"])
        return strings

    yield create
    there = [each["name"] for each in control.get("hubs")["hubs"]]
    for name in set(made):  # an address may have been used twice
        if name in there:
            control.delete(f"hubs/{name}")


def service_of(strings):
    return IoTHubRegistryManager.from_connection_string(strings["policies"]["iothubowner"])


def connected_device(strings, device_id):
    device = service_of(strings).create_device_with_sas(device_id, "", "", "enabled")
    key = device.authentication.symmetric_key.primary_key
    client = IoTHubDeviceClient.create_from_connection_string(
        f"HostName={strings['hub']};DeviceId={device_id};SharedAccessKey={key}"
    )
    client.connect()
    return client


def test_two_hubs_never_see_each_other(control, new_hub, hub):
    one, two = new_hub(), new_hub()
    assert one["hub"] != two["hub"]
    assert one["hub"].startswith("127.0.0.")
    first, second = connected_device(one, "same-name"), connected_device(two, "same-name")
    try:
        first.send_message("for one")
        second.send_message("for two")
        bodies = [
            [each["body"] for each in control.get("messages", hub=strings["hub"])["messages"]] for strings in (one, two)
        ]
        assert bodies == [["for one"], ["for two"]]
        first.patch_twin_reported_properties({"a": 1})
        assert "a" not in service_of(two).get_twin("same-name").properties.reported
        names = [each.device_id for each in IoTHubRegistryManager.from_connection_string(hub.connection_string()).get_devices()]
        assert "same-name" not in names
        port = hub.ports["portal"]
        assert ControlApi(port, host=one["hub"]).get("health")["hub"] == one["hub"]
    finally:
        first.shutdown()
        second.shutdown()


def test_a_hub_that_is_dropped_is_gone_with_all_that_spoke_to_it(control, new_hub):
    strings = new_hub()
    client = connected_device(strings, "d")
    try:
        control.delete(f"hubs/{strings['hub']}")
        eventually(lambda: not client.connected, "the device's link ends")
        with pytest.raises(requests.ConnectionError):
            requests.get(f"https://{strings['hub']}/devices", timeout=5)
        control.get("health", 404, hub=strings["hub"])
        control.delete(f"hubs/{strings['hub']}", 404)
    finally:
        client.shutdown()
    again = new_hub()
    assert service_of(again).get_devices() == []


def test_the_address_of_a_dropped_hub_is_not_the_next_one_s(control):
    """The Java service SDK kept a connection to it, and was refused by the hub after; devices would come back to it."""
    names = []
    for _ in range(2):
        names.append(control.post("hubs", {}, 201)["hub"])
        control.delete(f"hubs/{names[-1]}")
    assert names[0] != names[1]


def test_every_other_address_is_used_before_a_dropped_hub_s_is_again(control):
    names = []
    for _ in range(254):  # 127.0.0.2 to 127.0.0.254, and one more
        names.append(control.post("hubs", {}, 201)["hub"])
        control.delete(f"hubs/{names[-1]}")
    assert len(set(names[:253])) == 253
    assert names[253] == names[0]


def test_a_later_hub_at_a_freed_address_is_a_new_one(control, new_hub):
    """Its ports are free, nothing of the hub before is there, and that one's device is a stranger to it."""
    former = new_hub()
    address = former["hub"]
    client = connected_device(former, "same-name")
    try:
        client.send_message("for the hub before")
        control.delete(f"hubs/{address}")
        eventually(lambda: not client.connected, "the device's link ends")
        later = new_hub(name=address)
        assert later["hub"] == address
        assert service_of(later).get_devices() == []
        assert control.get("messages", hub=address)["messages"] == []
        successor = connected_device(later, "same-name")  # with a key of its own
        try:
            with pytest.raises(Exception):  # the key is the hub before's
                client.connect()
            successor.send_message("for the later hub")
            bodies = [each["body"] for each in control.get("messages", hub=address)["messages"]]
            assert bodies == ["for the later hub"]
            assert successor.connected
        finally:
            successor.shutdown()
    finally:
        client.shutdown()


def test_a_hub_may_have_a_name(control, new_hub, hub):
    strings = new_hub(name="plant-a.test")
    assert strings["policies"]["iothubowner"].startswith("HostName=plant-a.test;")
    assert "EntityPath=plant-a;" in strings["eventHub"]
    session = requests.Session()
    # No name server knows it here: the address with the Host that a resolver would lead to.
    answer = session.get(
        f"http://localhost:{hub.ports['portal']}/_emulator/health", headers={"Host": "plant-a.test"}, timeout=5
    )
    assert answer.json()["hub"] == "plant-a.test"
    assert control.post("hubs", {"name": "plant-a.test"}, 409)
    assert control.post("hubs", {"name": "localhost"}, 409)
    assert control.post("hubs", {"name": "not a name"}, 400)
    control.delete("hubs/localhost", 400)


def test_a_hub_begins_with_a_snapshot(control, new_hub):
    strings = new_hub()
    service_of(strings).create_device_with_sas("kept", "", "", "enabled")
    control.request("PUT", "snapshots/with-a-device", 201, hub=strings["hub"])
    fork = control.post("snapshots/with-a-device/fork", status=201)
    try:
        service_of(fork).create_device_with_sas("own", "", "", "enabled")
        assert sorted(each.device_id for each in service_of(fork).get_devices()) == ["kept", "own"]
        assert [each.device_id for each in service_of(strings).get_devices()] == ["kept"]
    finally:
        control.delete(f"hubs/{fork['hub']}")
        control.delete("snapshots/with-a-device")


def test_a_hundred_hubs_are_made_and_dropped(control):
    def resident():
        line = [each for each in control.get("metrics").splitlines() if each.startswith("process_resident")][-1]
        return int(line.split()[1])

    before = resident()
    begun = time.monotonic()
    names = [control.post("hubs", {}, 201)["hub"] for _ in range(100)]
    took = time.monotonic() - begun
    grown = resident() - before
    assert len(set(names)) == 100
    print(f"100 hubs: {took * 1000:.0f} ms, {grown / 2**20:.1f} MiB")
    for name in names:
        control.delete(f"hubs/{name}")
    assert len(control.get("hubs")["hubs"]) == 1
    assert grown < 35 * 2**20


def test_the_same_seed_gives_the_same_keys_ids_and_times(start_fresh_hub):
    def answers(seed):
        hub = start_fresh_hub("--deterministic", seed)
        service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
        device = service.create_device_with_sas("d", "", "", "enabled")
        return (
            device.authentication.symmetric_key.primary_key,
            device.etag,
            device.generation_id,
            service.get_twin("d").properties.desired["$metadata"]["$lastUpdated"],
        )

    first = answers("seven")
    assert answers("seven") == first
    assert answers("eight")[0] != first[0]
    assert "2026-01-01T00:00:00" in str(first[3])
