"""File upload as far as it goes without storage behind the hub."""

import pytest


def test_without_storage_an_upload_is_refused(hub, device, client_of):
    with pytest.raises(Exception) as refused:
        client_of(device).get_storage_info_for_blob("log.txt")
    assert "400" in repr(refused.value.__cause__ or refused.value)
    assert "begin file upload" in hub.log()
    assert "DefaultStorageEndpointNotConfigured" in hub.log()
