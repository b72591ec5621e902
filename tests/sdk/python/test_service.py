"""The rest of the service side through azure-iot-hub: queries, bulk, statistics, direct methods, jobs, digital twins."""

import pytest
from azure.iot.device import MethodResponse
from azure.iot.hub import DigitalTwinClient, IoTHubJobManager
from azure.iot.hub.models import CloudToDeviceMethod, ExportImportDevice, JobRequest, QuerySpecification, Twin

from eventually import eventually
from refused import refused
from twin_patch import desired


@pytest.fixture
def jobs(hub):
    return IoTHubJobManager.from_connection_string(hub.connection_string())


@pytest.fixture
def digital_twins(hub):
    return DigitalTwinClient.from_connection_string(hub.connection_string())


def method(name="reboot", **options):
    return CloudToDeviceMethod(method_name=name, payload={"in": 1}, **options)


def answer_methods(client, status=200):
    def on_request(request):
        payload = {"name": request.name, "got": request.payload}
        client.send_method_response(MethodResponse.create_from_method_request(request, status, payload))

    client.on_method_request_received = on_request


# ---- queries ---------------------------------------------------------------------------------------------------------


def test_a_query_pages_through_what_its_condition_selects(service, name):
    ids = [f"{name}-{i}" for i in range(5)]
    for i, device_id in enumerate(ids):
        service.create_device_with_sas(device_id, "", "", "enabled")
        service.update_twin(device_id, Twin(tags={"test": name, "floor": i}))
    query = QuerySpecification(query=f"SELECT * FROM devices WHERE tags.test = '{name}' AND tags.floor >= 1")
    found, continuation, pages = [], None, 0
    while True:
        page = service.query_iot_hub(query, continuation, 3)
        found += [twin.device_id for twin in page.items]
        continuation, pages = page.continuation_token, pages + 1
        if not continuation:
            break
    assert sorted(found) == ids[1:]
    assert pages == 2


def test_projections_and_groups_are_plain_objects(service, device, name):
    service.update_twin(device.device_id, Twin(tags={"test": name, "floor": 2}))
    page = service.query_iot_hub(
        QuerySpecification(query=f"SELECT tags.floor AS floor, COUNT() AS n FROM devices WHERE tags.test = '{name}' GROUP BY tags.floor")
    )
    assert [item.additional_properties for item in page.items] == [{"floor": 2, "n": 1}]


def test_modules_are_queried_apart(service, module):
    page = service.query_iot_hub(
        QuerySpecification(query=f"SELECT * FROM devices.modules WHERE deviceId = '{module.device_id}'")
    )
    assert [(twin.device_id, twin.module_id) for twin in page.items] == [(module.device_id, module.module_id)]


def test_a_query_that_is_wrong_is_400(service):
    with refused(400, "ArgumentInvalid"):
        service.query_iot_hub(QuerySpecification(query="SELECT FROM devices"))


# ---- bulk and statistics ---------------------------------------------------------------------------------------------


def test_devices_are_created_and_deleted_in_bulk(service, name):
    before = service.get_service_statistics(), service.get_device_registry_statistics()
    ids = [f"{name}-{i}" for i in range(10)]
    created = service.bulk_create_or_update_devices(
        [ExportImportDevice(id=i, import_mode="create", status="enabled") for i in ids]
    )
    assert created.is_successful
    assert service.get_device_registry_statistics().total_device_count == before[1].total_device_count + 10
    again = service.bulk_create_or_update_devices([ExportImportDevice(id=ids[0], import_mode="create", status="enabled")])
    assert not again.is_successful
    assert str(again.errors[0].error_code) == "409001"
    deleted = service.bulk_create_or_update_devices(
        [ExportImportDevice(id=i, import_mode="delete", status="enabled") for i in ids]
    )
    assert deleted.is_successful


def test_statistics_count_connected_devices(service, device, connect):
    before = service.get_service_statistics().connected_device_count
    connect(device)
    assert service.get_service_statistics().connected_device_count == before + 1


# ---- direct methods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["device", "module"])
def test_a_method_s_status_and_payload_come_back(service, kind, request, connect):
    registered = request.getfixturevalue(kind)
    answer_methods(connect(registered), status=418)
    invoke = service.invoke_device_module_method if registered.module_id else service.invoke_device_method
    ids = [registered.device_id] + ([registered.module_id] if registered.module_id else [])

    def answered():
        try:
            return invoke(*ids, method("re*boot", response_timeout_in_seconds=5, connect_timeout_in_seconds=5))
        except Exception:
            return None

    result = eventually(answered, "the method is answered")
    assert result.status == 418
    assert result.payload == {"name": "re*boot", "got": {"in": 1}}


def test_a_method_of_a_device_that_is_not_online_is_404103(service, device):
    with refused(404, "DeviceNotOnline"):
        service.invoke_device_method(device.device_id, method())
    with refused(404, "DeviceNotFound"):
        service.invoke_device_method(device.device_id + "-missing", method())
    with refused(400, "ArgumentInvalid"):
        service.invoke_device_method(device.device_id, method(response_timeout_in_seconds=4))


def test_a_call_waits_for_the_device_to_come_online(service, device, client_of):
    import threading

    results = []
    call = threading.Thread(
        target=lambda: results.append(service.invoke_device_method(device.device_id, method(connect_timeout_in_seconds=20)))
    )
    call.start()
    answer_methods(client_of(device))  # subscribing connects
    call.join(30)
    assert results and results[0].status == 200


# ---- jobs ------------------------------------------------------------------------------------------------------------


def test_a_job_patches_the_twins_that_its_condition_selects(service, jobs, device, name):
    service.update_twin(device.device_id, Twin(tags={"test": name}))
    job_id = name.lower()[-60:]
    created = jobs.create_scheduled_job(
        job_id,
        JobRequest(
            job_id=job_id,
            type="scheduleUpdateTwin",
            update_twin=Twin(etag="*", properties=desired(fromJob=1).properties),
            query_condition=f"tags.test = '{name}'",
            max_execution_time_in_seconds=60,
        ),
    )
    assert created.status == "queued"
    eventually(lambda: jobs.get_scheduled_job(job_id).status == "completed", "the job completes")
    assert service.get_twin(device.device_id).properties.desired["fromJob"] == 1
    assert jobs.get_scheduled_job(job_id).device_job_statistics.succeeded_count == 1


# ---- digital twins ---------------------------------------------------------------------------------------------------


def test_a_digital_twin_shows_its_model_and_takes_patches_and_commands(service, digital_twins, device, connect):
    client = connect(device, product_info="dtmi:com:example:Thermostat;1")
    client.patch_twin_reported_properties({"serialNumber": "s1"})
    document = digital_twins.get_digital_twin(device.device_id)
    assert document["$metadata"]["$model"] == "dtmi:com:example:Thermostat;1"
    assert document["serialNumber"] == "s1"

    digital_twins.update_digital_twin(device.device_id, [{"op": "add", "path": "/target", "value": 21}])
    assert service.get_twin(device.device_id).properties.desired["target"] == 21

    answer_methods(client)

    def answered():
        try:
            return digital_twins.invoke_component_command(device.device_id, "thermostat1", "getMaxMin", {"since": 1})
        except Exception:
            return None

    assert eventually(answered, "the command is answered") == {"name": "thermostat1*getMaxMin", "got": {"since": 1}}
