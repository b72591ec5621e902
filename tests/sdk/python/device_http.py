"""A device over plain HTTPS: Python's SDK has no such transport, so requests."""

import requests


class HttpDevice:
    def __init__(self, hub, device_id, token=None, cert=None):
        self._hub = hub
        self._path = f"/devices/{device_id}/messages"
        self._token = token
        self._cert = cert

    def _request(self, method, path, headers, **options):
        if self._token:
            headers = {"Authorization": self._token, **headers}
        return requests.request(
            method,
            f"https://{self._hub.host}:{self._hub.ports['https']}{path}",
            params={"api-version": "2020-09-30"},
            headers=headers,
            cert=self._cert,
            timeout=20,
            **options,
        )

    def send(self, body, **headers):
        path = f"{self._path}/events"
        return self._request("POST", path, {"iothub-to": path, **headers}, data=body)

    def receive(self):
        return self._request("GET", f"{self._path}/devicebound", {})

    def complete(self, message):
        lock = message.headers["ETag"].strip('"')
        return self._request("DELETE", f"{self._path}/devicebound/{lock}", {})
