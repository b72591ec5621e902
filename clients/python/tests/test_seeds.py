"""Hubs that begin with something."""

import pytest
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager

from pytest_iothub_emulator import ControlError


def device_ids(hub):
    service = IoTHubRegistryManager.from_connection_string(hub.connection_string())
    return sorted(each.device_id for each in service.get_devices())


pytestmark = pytest.mark.iothub_seed({"devices": [{"deviceId": "of-the-module"}]})


def test_seeds_of_the_module_come_to_each_test(iothub):
    assert device_ids(iothub) == ["of-the-module"]


@pytest.mark.iothub_seed("seed.yaml", {"devices": [{"deviceId": "of-a-dictionary"}]})
def test_a_seed_file_lies_beside_the_test(iothub):
    assert device_ids(iothub) == ["boiler", "of-a-dictionary", "of-the-module"]
    device = IoTHubDeviceClient.create_from_connection_string(iothub.device_connection_string("boiler"))
    device.connect()
    device.send_message("warm")
    assert [each.body for each in iothub.messages(device="boiler")] == ["warm"]
    device.shutdown()


def test_a_device_is_made_with_its_connection_string(iothub):
    connection_string = iothub.add_device("d1", tags={"floor": 3})
    assert connection_string.startswith(f"HostName={iothub.name};DeviceId=d1;SharedAccessKey=")
    service = IoTHubRegistryManager.from_connection_string(iothub.connection_string())
    assert service.get_twin("d1").tags == {"floor": 3}


def test_a_seed_that_is_refused_changes_nothing(iothub, tmp_path):
    seed = tmp_path / "bad.yaml"
    seed.write_text("devices:\n  - deviceId: good\n  - deviceld: bad\n")
    with pytest.raises(ControlError, match=r"bad\.yaml"):
        iothub.seed(seed)
    assert device_ids(iothub) == ["of-the-module"]


def test_the_hub_of_the_session_begins_with_its_own_seeds(pytester):
    pytester.makefile(".yaml", session="devices: [{deviceId: of-the-session}]")
    pytester.makeini("[pytest]\niothub_seeds = session.yaml")
    pytester.makepyfile("def test(iothub_session): assert iothub_session.device_connection_string('of-the-session')")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_seed_file_that_is_not_there_is_an_error_that_names_it(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.iothub_seed("no-such.yaml")
        def test(iothub):
            pass
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no-such.yaml*"])
