"""Seeds of a hub that runs, and what of them a reset brings back."""

import json

import pytest
from azure.iot.hub import IoTHubRegistryManager

from control.control_api import ControlApi
from hub_process import plain_environment

SEED = """
keySeed: live
policies:
  - name: iothubowner
consumerGroups: [dashboards]
devices:
  - deviceId: seeded
    tags: {floor: 3}
hubs:
  - name: plant-a.test
    devices: [{deviceId: of-plant-a}]
"""


@pytest.fixture
def seeded(start_fresh_hub, tmp_path):
    (tmp_path / "seed.yaml").write_text(SEED)
    return start_fresh_hub(
        "--seed", tmp_path / "seed.yaml", "--consumer-group", "readers", "--hub", "127.0.0.7"
    )


def ids(hub):
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    return sorted(each.device_id for each in service.get_devices())


def test_a_reset_brings_back_what_the_command_line_said(seeded):
    control = ControlApi(seeded.ports["portal"])
    assert [each["name"] for each in control.get("hubs")["hubs"]] == ["localhost", "127.0.0.7", "plant-a.test"]
    before = control.get("seed")
    service = IoTHubRegistryManager.from_connection_string(seeded.connection_string())
    service.create_device_with_sas("later", "", "", "enabled")
    service.delete_device("seeded")
    control.post("seed", {"consumerGroups": ["more"]})
    control.post("reset", status=204)
    assert control.get("seed") == before
    assert before["consumerGroups"] == ["dashboards", "readers"]
    assert ids(seeded) == ["seeded"]
    control.post("reset", status=204, hub="plant-a.test")
    assert [each["deviceId"] for each in control.get("seed", hub="plant-a.test")["devices"]] == ["of-plant-a"]


def test_a_live_seed_changes_policies_devices_and_hubs_or_nothing(start_fresh_hub, tmp_path):
    hub = start_fresh_hub()
    command = ["--data", hub.data, "--ca-dir", hub.ca_folder]
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED)
    old = hub.connection_string()

    would = hub.run("seed", "diff", seed, *command)
    assert would.returncode == 0, would.stderr
    assert ControlApi(hub.ports["portal"]).get("hubs")["hubs"][1:] == []
    done = hub.run("seed", "apply", seed, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == would.stdout
    for change in ("policy iothubowner: updated", "consumer group dashboards: created", "device seeded: created, tags",
                   "hub plant-a.test: created", "hub plant-a.test: device of-plant-a: created"):  # fmt: skip
        assert change in done.stdout.splitlines()

    new = hub.run("connection-string", *command).stdout.strip()
    assert new != old
    assert [each.device_id for each in IoTHubRegistryManager.from_connection_string(new).get_devices()] == ["seeded"]
    assert json.loads((tmp_path / "hub-0" / "ready.json").read_text())["connectionStrings"]["iothubowner"] == new
    assert hub.run("health", *command).returncode == 0

    again = hub.run("seed", "apply", seed, *command)
    assert (again.returncode, again.stdout) == (0, "")
    exported = json.loads(hub.run("seed", "export", *command).stdout)
    assert exported["consumerGroups"] == ["dashboards"]
    of_plant = json.loads(hub.run("seed", "export", "--hub", "plant-a.test", *command).stdout)
    assert [each["deviceId"] for each in of_plant["devices"]] == ["of-plant-a"]

    seed.write_text(
        "devices: [{deviceId: one-more}]\nhubs:\n- {name: plant-b.test}\n- name: plant-c.test\n"
        "  devices: [{deviceId: leaf, parent: nobody}]\n"
    )
    refused = hub.run("seed", "apply", seed, *command)
    assert refused.returncode == 4
    assert f"{seed}:5:" in refused.stderr
    assert "/hubs/1/devices/0" in refused.stderr
    assert len(ControlApi(hub.ports["portal"]).get("hubs")["hubs"]) == 2
    assert json.loads(hub.run("seed", "export", *command).stdout) == exported


def test_a_seed_is_applied_inside_exec(hub, tmp_path):
    seed = tmp_path / "seed.yaml"
    seed.write_text("devices: [{deviceId: from-inside}]")
    hub.stop()
    try:
        inside = f"{hub.binary} seed apply {seed} && {hub.binary} seed export"
        done = hub.run("exec", "--ca-dir", hub.ca_folder, "--", "sh", "-c", inside, env=plain_environment())
        assert done.returncode == 0, done.stderr
        assert "device from-inside: created" in done.stdout
        assert '"from-inside"' in done.stdout
    finally:
        hub.start()


def test_a_route_is_explained(start_fresh_hub, tmp_path):
    hub = start_fresh_hub()
    control = ControlApi(hub.ports["portal"])
    routes = {"routes": [{"name": "hot", "source": "DeviceMessages", "condition": "$twin.tags.floor = 3 AND level = '2'",
                          "endpointNames": ["events"], "isEnabled": True}]}  # fmt: skip
    control.post("seed", {"routing": routes, "devices": [{"deviceId": "d", "tags": {"floor": 3}}]})
    message = {"body": {"t": 1}, "appProperties": {"level": "2"}}
    answer = control.post("explain/route", {"device": "d", "message": message})
    assert answer["routes"][0]["taken"] is True
    assert answer["endpoints"] == ["events"]
    done = hub.run("explain", "route", json.dumps({"body": 1}), "device=d", "--data", hub.data, "--ca-dir", hub.ca_folder)
    assert json.loads(done.stdout)["routes"][0]["taken"] is False
    assert control.get("messages")["messages"] == []
    assert "'message' is missing" in str(control.post("explain/route", {"device": "d"}, 400))
