"""File upload: azure-iot-device asks, azure-storage-blob uploads to the hub's own blob endpoint."""

import hashlib
import os
import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_blob_sas,
    generate_container_sas,
)

from eventually import SLOWNESS

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
LARGE = 250 * 1024 * 1024


def blob_url(info):
    return f"https://{info['hostName']}/{info['containerName']}/{info['blobName']}{info['sasToken']}"


class Pattern:
    """A large file that is never whole in memory: every block of it differs."""

    def __init__(self, size):
        self.size = size
        self._at = 0
        self._hash = hashlib.md5()

    def read(self, size=-1):
        size = min(self.size - self._at, size if size >= 0 else self.size)
        piece = b"".join(self.line(n) for n in range(self._at // 64, (self._at + size) // 64 + 1))
        piece = piece[self._at % 64 :][:size]
        self._at += size
        self._hash.update(piece)
        return piece

    @staticmethod
    def line(number):
        return b"%063d\n" % number

    def __len__(self):
        return self.size

    def digest(self):
        return self._hash.digest()


@pytest.fixture
def account(hub):
    return BlobServiceClient(f"https://{hub.host}/{ACCOUNT}", credential=KEY)


@pytest.fixture
def container(account):
    client = account.create_container(f"c{uuid.uuid4().hex}")
    yield client
    client.delete_container()


def sas_url(container, permission, blob=None, expiry=timedelta(hours=1), key=KEY):
    until = datetime.now(timezone.utc) + expiry
    if blob is None:
        sas = generate_container_sas(ACCOUNT, container.container_name, key, permission=permission, expiry=until)
        return f"{container.url}?{sas}"
    sas = generate_blob_sas(ACCOUNT, container.container_name, blob, account_key=key, permission=permission, expiry=until)
    return f"{container.url}/{blob}?{sas}"


def error_code(refused):
    return refused.value.error_code.value if hasattr(refused.value.error_code, "value") else refused.value.error_code


def test_a_device_uploads_a_file_and_says_so(hub, device, client_of):
    client = client_of(device)
    info = client.get_storage_info_for_blob("logs/today 1.txt")
    assert info["blobName"] == f"{device.device_id}/logs/today 1.txt"
    assert info["sasToken"].startswith("?")
    blob = BlobClient.from_blob_url(blob_url(info))
    blob.upload_blob(b"hello", metadata={"from": "device"})
    client.notify_blob_upload_status(info["correlationId"], True, 200, "done")
    assert blob.download_blob().readall() == b"hello"
    assert blob.get_blob_properties().metadata == {"from": "device"}
    # The upload is over.
    with pytest.raises(Exception):
        client.notify_blob_upload_status(info["correlationId"], True, 200, "again")
    assert "InvalidFileUploadCorrelationId" in hub.log()


def test_success_without_its_blob_is_refused(hub, device, client_of):
    client = client_of(device)
    info = client.get_storage_info_for_blob("never.txt")
    with pytest.raises(Exception):
        client.notify_blob_upload_status(info["correlationId"], True, 200, "")
    assert "InvalidStorageEndpointOrBlob" in hub.log()
    client.notify_blob_upload_status(info["correlationId"], False, 500, "gave up")


def test_an_upload_sas_is_for_its_blob_only(device, client_of):
    client = client_of(device)
    info = client.get_storage_info_for_blob("mine.txt")
    other = BlobClient.from_blob_url(blob_url(info).replace("mine.txt", "other.txt"))
    with pytest.raises(HttpResponseError) as refused:
        other.upload_blob(b"x")
    assert refused.value.status_code == 403
    assert error_code(refused) == "AuthenticationFailed"
    mine = BlobClient.from_blob_url(blob_url(info))
    mine.upload_blob(b"x")
    with pytest.raises(HttpResponseError) as refused:
        mine.delete_blob()
    assert error_code(refused) == "AuthorizationPermissionMismatch"


def resident(hub):
    status = open(f"/proc/{hub._process.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


@pytest.mark.parametrize("single", [False, True], ids=["blocks", "one put"])
def test_250_mb_go_to_disk_and_come_back_while_the_hub_stays_small(hub, device, client_of, single):
    client = client_of(device)
    info = client.get_storage_info_for_blob("large.bin")
    options = {"max_single_put_size": LARGE} if single else {"max_concurrency": 4}
    concurrency = {} if single else {"max_concurrency": options.pop("max_concurrency")}
    blob = BlobClient.from_blob_url(
        blob_url(info), connection_timeout=60, read_timeout=120 * SLOWNESS, max_chunk_get_size=16 * 1024 * 1024, **options
    )
    before = resident(hub)
    content = Pattern(LARGE)
    body = content.read() if single else content
    blob.upload_blob(body, length=LARGE, **concurrency)
    del body
    client.notify_blob_upload_status(info["correlationId"], True, 200, "")
    counted = hashlib.md5()
    for chunk in blob.download_blob().chunks():
        counted.update(chunk)
    assert counted.digest() == content.digest()
    grown = resident(hub) - before
    print(f"resident memory grew by {grown} kB")
    if SLOWNESS == 1:  # a sanitizer keeps what was freed
        assert grown < 32 * 1024, f"the hub grew by {grown} kB"


def test_ranges(container):
    blob = container.get_blob_client("ranges")
    blob.upload_blob(bytes(range(256)))
    assert blob.download_blob(offset=10, length=5).readall() == bytes(range(10, 15))
    assert blob.download_blob(offset=250).readall() == bytes(range(250, 256))
    assert blob.download_blob(offset=10, length=5, validate_content=True).readall() == bytes(range(10, 15))
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(offset=256, length=1)
    assert refused.value.status_code == 416
    assert error_code(refused) == "InvalidRange"
    blob.upload_blob(b"", overwrite=True)
    assert blob.download_blob().readall() == b""


def test_blocks_are_staged_listed_and_committed(container):
    blob = container.get_blob_client("blocks")
    for name in ("a", "b", "c"):
        blob.stage_block(name, name.encode() * 3)
    committed, uncommitted = blob.get_block_list("all")
    assert committed == [] and [block.size for block in uncommitted] == [3, 3, 3]
    with pytest.raises(ResourceNotFoundError):
        blob.get_blob_properties()
    blob.commit_block_list([BlobBlock("b"), BlobBlock("a")])
    assert blob.download_blob().readall() == b"bbbaaa"
    committed, uncommitted = blob.get_block_list("all")
    assert [block.id for block in committed] == ["b", "a"] and uncommitted == []
    with pytest.raises(HttpResponseError) as refused:
        blob.commit_block_list([BlobBlock("c")])
    assert error_code(refused) == "InvalidBlockList"


def test_conditions(container):
    blob = container.get_blob_client("conditions")
    first = blob.upload_blob(b"1")["etag"]
    with pytest.raises(ResourceExistsError) as refused:
        blob.upload_blob(b"2")
    assert error_code(refused) == "BlobAlreadyExists"
    second = blob.upload_blob(b"2", overwrite=True)["etag"]
    assert first != second
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(etag=first, match_condition=MatchConditions.IfNotModified)
    assert refused.value.status_code == 412
    assert error_code(refused) == "ConditionNotMet"


def test_properties_metadata_and_listing(account, container):
    for name in ("a/1", "a/2", "b", "ü & <x>"):
        container.upload_blob(name, b"x", content_settings=ContentSettings(content_type="text/plain"))
    assert [blob.name for blob in container.list_blobs()] == ["a/1", "a/2", "b", "ü & <x>"]
    assert [blob.name for blob in container.list_blobs(name_starts_with="a/", results_per_page=1)] == ["a/1", "a/2"]
    assert [entry.name for entry in container.walk_blobs()] == ["a/", "b", "ü & <x>"]
    blob = container.get_blob_client("b")
    blob.set_blob_metadata({"k": "v"})
    blob.set_http_headers(ContentSettings(content_type="text/html", cache_control="no-cache"))
    properties = blob.get_blob_properties()
    assert properties.metadata == {"k": "v"}
    assert properties.content_settings.content_type == "text/html"
    assert properties.size == 1
    assert container.container_name in [each.name for each in account.list_containers()]
    container.delete_blob("b")
    assert not blob.exists()


def test_shared_access_signatures(container):
    container.upload_blob("blob", b"x")
    assert BlobClient.from_blob_url(sas_url(container, "r", "blob")).download_blob().readall() == b"x"
    assert [b.name for b in ContainerClient.from_container_url(sas_url(container, "rl")).list_blobs()] == ["blob"]
    ContainerClient.from_container_url(sas_url(container, "w")).upload_blob("new", b"y")
    cases = [
        (sas_url(container, "r", "blob", expiry=timedelta(seconds=-1)), "AuthenticationFailed"),
        (sas_url(container, "r", "blob", key=KEY[::-1].strip("=") + "=="), "AuthenticationFailed"),
        (sas_url(container, "w", "blob"), "AuthorizationPermissionMismatch"),
        (f"{container.url}/blob", "NoAuthenticationInformation"),
    ]
    for url, code in cases:
        with pytest.raises(HttpResponseError) as refused:
            BlobClient.from_blob_url(url).download_blob()
        assert error_code(refused) == code


def test_what_is_not_served_is_501(hub, container):
    with pytest.raises(HttpResponseError) as refused:
        container.get_blob_client("page").create_page_blob(512)
    assert refused.value.status_code == 501
    with pytest.raises(HttpResponseError) as refused:
        container.acquire_lease()
    assert refused.value.status_code == 501
    assert "NotImplemented" in hub.log()


def test_an_acknowledged_blob_survives_the_death_of_the_process(hub, container):
    blob = container.get_blob_client("kept")
    content = os.urandom(1_000_000)
    blob.upload_blob(content)
    blob.stage_block("one", b"uncommitted")
    hub.kill()
    hub.start()
    assert blob.download_blob().readall() == content
    assert [block.id for block in blob.get_block_list("uncommitted")[1]] == ["one"]
