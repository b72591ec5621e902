"""Seeded devices and simulated ones, as the real SDKs see them."""

import signal
import subprocess

from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod

from eventually import eventually
from hub_process import plain_environment

SEED = """
keySeed: python tests
devices:
  - deviceId: seeded
    tags: {floor: 3}
    properties: {desired: {interval: 5}}
cloudToDeviceMessages:
  - {deviceId: seeded, body: hello, properties: {level: high}}
"""

TEMPLATE = """
methods: {add: {status: 201, delay: 0.2, payload: {sum: 3}}}
reported: {values: {firmware: "1.0"}}
"""


def test_a_seeded_device_connects_and_a_restart_with_the_same_seed_changes_nothing(hub, tmp_path):
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED)
    hub.stop()
    hub.start("--seed", seed)
    connection_string = hub.run("connection-string", "--data", hub.data, "--device", "seeded").stdout.strip()
    client = IoTHubDeviceClient.create_from_connection_string(connection_string)
    messages = []
    client.on_message_received = messages.append
    client.connect()
    assert client.get_twin()["desired"]["interval"] == 5
    eventually(lambda: messages, "the queued message arrives")
    assert (messages[0].data, messages[0].custom_properties) == (b"hello", {"level": "high"})
    client.shutdown()
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    before = service.get_twin("seeded")

    hub.stop()
    hub.start("--seed", seed)
    after = IoTHubRegistryManager.from_connection_string(hub.connection_string()).get_twin("seeded")
    assert (after.etag, after.version, after.tags) == (before.etag, before.version, {"floor": 3})
    assert after.cloud_to_device_message_count == 0
    assert hub.run("connection-string", "--data", hub.data, "--device", "seeded").stdout.strip() == connection_string


def test_a_simulated_device_answers_methods_and_takes_messages(hub, service, tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    command = [hub.binary, "simulate", "--data", hub.data, "--template", template, "--rate", "5"]
    simulation = subprocess.Popen(
        command, env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        eventually(
            lambda: any(each.device_id == "simulated-1" for each in service.get_devices()), "it is registered"
        )
        eventually(lambda: "firmware" in service.get_twin("simulated-1").properties.reported, "it reports")
        answer = service.invoke_device_method("simulated-1", CloudToDeviceMethod(method_name="add", payload={}))
        assert (answer.status, answer.payload) == (201, {"sum": 3})
        unknown = service.invoke_device_method("simulated-1", CloudToDeviceMethod(method_name="none", payload={}))
        assert unknown.status == 404
    finally:
        simulation.send_signal(signal.SIGINT)
        sums = simulation.communicate(timeout=60)[0]
    assert simulation.returncode == 0, sums
    assert " 2 methods, " in sums and " 0 refused, 0 lost" in sums
