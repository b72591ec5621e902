"""Import and export of the registry: azure-iot-hub's job manager, blobs by azure-storage-blob."""

import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from azure.iot.hub import IoTHubConfigurationManager, IoTHubJobManager
from azure.iot.hub.models import Configuration, ConfigurationContent, JobProperties
from azure.storage.blob import BlobClient, BlobServiceClient, generate_container_sas
from msrest.exceptions import HttpOperationError

from eventually import eventually

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture
def jobs(hub):
    return IoTHubJobManager.from_connection_string(hub.connection_string())


def new_container(endpoint, **options):
    service = BlobServiceClient(endpoint, credential=KEY, **options)
    return service.create_container(f"jobs{uuid.uuid4().hex}")


@pytest.fixture
def container(hub):
    return new_container(f"https://{hub.host}/{ACCOUNT}")


def uri(container, permission="rwdl"):
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    sas = generate_container_sas(ACCOUNT, container.container_name, KEY, permission=permission, expiry=until)
    return f"{container.url}?{sas}"


def finished(jobs, job):
    def ended():
        now = jobs.get_import_export_job(job.job_id)
        return now if now.status in ("completed", "failed", "cancelled") else None

    return eventually(ended, "the job ends")


def lines(container, blob):
    return container.download_blob(blob).readall().decode().splitlines()


def exported(jobs, container, **properties):
    job = jobs.create_import_export_job(
        JobProperties(type="export", output_blob_container_uri=uri(container), **properties)
    )
    assert job.status == "enqueued"
    done = finished(jobs, job)
    assert done.status == "completed" and done.progress == 100 and done.end_time_utc
    return lines(container, "devices.txt")


def test_an_export_has_a_line_for_each_device_and_module(service, device, new_module, jobs, container):
    module = new_module("camera")
    service.update_twin(device.device_id, {"tags": {"room": "3"}, "properties": {"desired": {"level": 1}}})
    entries = [json.loads(line) for line in exported(jobs, container)]
    [of_device] = [e for e in entries if e["id"] == device.device_id and "moduleId" not in e]
    assert of_device["status"] == "enabled"
    assert of_device["authentication"]["symmetricKey"]["primaryKey"] == device.key
    assert of_device["tags"] == {"room": "3"}
    assert of_device["properties"]["desired"] == {"level": 1}
    assert [e["moduleId"] for e in entries if e["id"] == device.device_id and "moduleId" in e] == [module.module_id]
    assert jobs.get_import_export_jobs()


def test_an_export_without_keys_says_so(device, jobs, container):
    first, *rest = exported(jobs, container, exclude_keys_in_export=True)
    assert not first.startswith("{")
    assert all(json.loads(line)["authentication"] is None for line in rest)
    assert device.key not in "".join(rest)


def test_an_export_with_configurations(hub, jobs, container, name):
    configurations = IoTHubConfigurationManager.from_connection_string(hub.connection_string())
    content = ConfigurationContent(device_content={"properties.desired.x": 1})
    configurations.create_configuration(Configuration(id=name.lower(), content=content, target_condition="", priority=1))
    exported(jobs, container, include_configurations=True)
    assert name.lower() in [json.loads(line)["id"] for line in lines(container, "configurations.txt")]
    configurations.delete_configuration(name.lower(), etag="*")


def imported(jobs, source, target, *entries):
    text = "".join((e if isinstance(e, str) else json.dumps(e)) + "\r\n" for e in entries)
    source.upload_blob("devices.txt", text.encode(), overwrite=True)
    job = jobs.create_import_export_job(
        JobProperties(
            type="import", input_blob_container_uri=uri(source, "rl"), output_blob_container_uri=uri(target)
        )
    )
    return finished(jobs, job)


def test_an_import_creates_updates_and_deletes(service, device, jobs, container, name):
    new = f"{name}-new"
    done = imported(
        jobs, container, container,
        {"id": new, "status": "disabled", "tags": {"room": "4"}},
        {"id": new, "moduleId": "camera", "status": "enabled"},
        {"id": device.device_id, "importMode": "delete", "status": "enabled"},
    )  # fmt: skip
    assert done.status == "completed"
    # A module of a disabled device is refused, as by PUT.
    assert [json.loads(line)["errorCode"] for line in lines(container, "importErrors.log")] == [401002]
    assert service.get_device(new).status == "disabled"
    assert service.get_twin(new).tags == {"room": "4"}
    with pytest.raises(HttpOperationError):
        service.get_device(device.device_id)


def test_what_an_import_cannot_do_is_in_its_log(service, device, jobs, container, name):
    done = imported(
        jobs, container, container,
        {"id": device.device_id, "importMode": "create", "status": "enabled"},
        {"id": f"{name}-none", "importMode": "update", "status": "enabled"},
        "not JSON",
        {"id": f"{name}-fine", "status": "enabled"},
        {"id": f"{name}-vague"},
    )  # fmt: skip
    assert done.status == "completed"
    errors = [json.loads(line) for line in lines(container, "importErrors.log")]
    assert [(e["deviceId"], e["errorCode"]) for e in errors] == [
        (device.device_id, 409001), (f"{name}-none", 404001), ("", 400004), (f"{name}-vague", 400004),
    ]  # fmt: skip
    assert service.get_device(f"{name}-fine")


def test_a_hub_moves_by_export_and_import(service, device, jobs, container):
    text = exported(jobs, container)
    before = service.get_device(device.device_id)
    service.delete_device(device.device_id)
    assert imported(jobs, container, container, *text).status == "completed"
    after = service.get_device(device.device_id)
    assert after.authentication.symmetric_key.primary_key == before.authentication.symmetric_key.primary_key


def test_a_container_that_cannot_be_used_is_400008(hub, jobs, container):
    for wrong in (uri(container, "rl"), container.url, uri(container).replace(container.container_name, "other"), "x"):
        with pytest.raises(HttpOperationError) as refused:
            jobs.create_import_export_job(JobProperties(type="export", output_blob_container_uri=wrong))
        assert refused.value.response.status_code == 400
    assert "BlobContainerValidationError" in hub.log()


def test_an_import_without_its_blob_fails(jobs, container):
    job = jobs.create_import_export_job(
        JobProperties(
            type="import", input_blob_container_uri=uri(container), output_blob_container_uri=uri(container)
        )
    )
    done = finished(jobs, job)
    assert done.status == "failed" and "devices.txt" in done.failure_reason


def test_jobs_that_are_unknown_or_ended(jobs, container):
    with pytest.raises(HttpOperationError) as refused:
        jobs.get_import_export_job("unknown")
    assert refused.value.response.status_code == 404
    exported(jobs, container)
    with pytest.raises(HttpOperationError):
        jobs.cancel_import_export_job(jobs.get_import_export_jobs()[0].job_id)


# ---- another storage, by an Azurite where there is one (AZURITE names its program) ------------------------------------


@pytest.fixture
def azurite(hub, tmp_path):
    program = os.environ.get("AZURITE") or shutil.which("azurite-blob")
    if program is None:
        pytest.skip("there is no Azurite here (set AZURITE to its azurite-blob)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry", "--blobPort", str(port),
               "--location", str(tmp_path)]  # fmt: skip
    process = subprocess.Popen(command)
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"

    def answers():
        try:
            return BlobServiceClient(endpoint, credential=KEY, retry_total=0).get_account_information()
        except Exception:
            time.sleep(0.2)
            return None

    eventually(answers, "Azurite answers", 30)
    yield endpoint
    process.terminate()
    process.wait()


def test_export_and_import_with_an_azurite(service, device, jobs, azurite):
    container = new_container(azurite)
    assert device.device_id in [json.loads(line)["id"] for line in exported(jobs, container)]
    assert imported(jobs, container, container, {"id": device.device_id, "importMode": "delete", "status": "enabled"}).status == "completed"
    with pytest.raises(HttpOperationError):
        service.get_device(device.device_id)
    with pytest.raises(HttpOperationError):
        jobs.create_import_export_job(
            JobProperties(type="export", output_blob_container_uri=uri(container).replace("sig=", "sig=x"))
        )


def test_uploads_go_to_the_storage_that_the_hub_is_given(hub, device, client_of, azurite):
    hub.stop()
    hub.start("--storage-connection-string", f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={azurite};")
    try:
        client = client_of(device)
        info = client.get_storage_info_for_blob("a b.txt")
        assert f"http://{info['hostName']}" == azurite
        with pytest.raises(Exception):
            client.notify_blob_upload_status(info["correlationId"], True, 200, "too early")
        # Clients say https://; this Azurite has no certificate.
        url = f"http://{info['hostName']}/{info['containerName']}/{info['blobName'].replace(' ', '%20')}{info['sasToken']}"
        BlobClient.from_blob_url(url).upload_blob(b"hello")
        client.notify_blob_upload_status(info["correlationId"], True, 200, "done")
    finally:
        hub.stop()
        hub.start()
