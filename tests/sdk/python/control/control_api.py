"""A plain client of the control API, as a test of a user would write it."""

import contextlib
import json
import os
import socket
import threading

import requests


class ControlApi:
    """On the portal's port, which needs no trust in the emulator's CA."""

    def __init__(self, port, host="localhost", token=None):
        self.root = f"http://{host}:{port}/_emulator/"
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, status=200, body=None, headers=None, timeout=70, **parameters):
        answer = self._session.request(
            method, self.root + path, params=parameters, json=body, headers=headers, timeout=timeout
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    def get(self, path, status=200, **parameters):
        return self.request("GET", path, status, **parameters)

    def post(self, path, body=None, status=200, **parameters):
        return self.request("POST", path, status, body, **parameters)

    def delete(self, path, status=204, **parameters):
        return self.request("DELETE", path, status, **parameters)


class EventReader:
    """Reads the stream of events into a list, from another thread, until it is closed."""

    def __init__(self, port, host="localhost", path="events", **parameters):
        self.events = []
        self._answer = requests.get(
            f"http://{host}:{port}/_emulator/{path}", params=parameters, stream=True, timeout=60
        )
        assert self._answer.status_code == 200, self._answer.text
        self._lines = self._answer.iter_lines(chunk_size=1)
        assert next(self._lines).startswith(b": the events of")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._lines:
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[len(b"data: ") :]))
        except (requests.RequestException, AttributeError, ValueError):
            pass  # closed under the reader

    def of(self, device):
        return [event for event in self.events if event.get("device") == device]

    def names(self, device):
        return [event["event"] for event in self.of(device)]

    def close(self):
        """Also while nothing happens: close() alone would wait for the thread's read, which the next heartbeat ends."""
        if not self._answer.raw.closed:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._answer.raw.fileno())) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        self._answer.close()
