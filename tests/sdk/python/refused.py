"""Expecting the hub's refusal of a service call."""

import contextlib

import pytest
from msrest.exceptions import HttpOperationError


@contextlib.contextmanager
def refused(status, error_code=None):
    """The service call inside is answered with this HTTP status and, where given, this iothub-errorcode header."""
    with pytest.raises(HttpOperationError) as caught:
        yield
    response = caught.value.response
    assert response.status_code == status, response.text
    if error_code is not None:
        assert response.headers["iothub-errorcode"] == error_code
