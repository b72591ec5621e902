"""Configurations through azure-iot-hub: automatic device management."""

import pytest
from azure.iot.hub import IoTHubConfigurationManager
from azure.iot.hub.models import Configuration, ConfigurationContent, Twin

from eventually import eventually
from refused import refused


@pytest.fixture
def configurations(hub):
    return IoTHubConfigurationManager.from_connection_string(hub.connection_string())


@pytest.fixture
def configuration(configurations, name):
    """Made by the test, removed after it: others' devices must not feel it."""
    made = Configuration(
        id=name.lower(),
        content=ConfigurationContent(device_content={"properties.desired.climate": {"target": 21}}),
        target_condition=f"tags.test = '{name}'",
        priority=10,
    )
    yield made
    try:
        configurations.delete_configuration(made.id)
    except Exception:
        pass


def test_a_configuration_writes_the_desired_properties_of_the_devices_that_it_targets(
    service, configurations, configuration, device, name
):
    created = configurations.create_configuration(configuration)
    assert created.etag == "MQ=="
    assert service.get_twin(device.device_id).properties.desired.get("climate") is None
    service.update_twin(device.device_id, Twin(tags={"test": name}))
    eventually(
        lambda: service.get_twin(device.device_id).properties.desired.get("climate") == {"target": 21},
        "the configuration is applied",
    )
    eventually(
        lambda: configurations.get_configuration(configuration.id).system_metrics.results.get("appliedCount") == 1,
        "the configuration counts the device",
    )


def test_a_configuration_that_exists_or_is_missing_is_409_or_404(configurations, configuration):
    configurations.create_configuration(configuration)
    with refused(409, "ConfigurationAlreadyExists"):
        configurations.create_configuration(configuration)
    with refused(404, "ConfigurationNotFound"):
        configurations.get_configuration(configuration.id + "-missing")


def test_python_s_unquoted_etag_gets_the_hub_s_409(configurations, configuration):
    # As the real hub (azure-iot-hub-python #2); --lenient accepts it.
    created = configurations.create_configuration(configuration)
    created.priority = 20
    with refused(409, "ConfigurationAlreadyExists"):
        configurations.update_configuration(created, created.etag)
