"""HTTP to the control API (docs/control-openapi.yaml), with nothing but the standard library."""

import json
import urllib.error
import urllib.parse
import urllib.request

# Over what the hub itself was asked to wait.
_ANSWER_WITHIN = 15


class ControlError(Exception):
    """The control API refused. `code` and `name` are those of the hub's errors, `status` is HTTP's."""

    def __init__(self, request, status, text):
        try:
            error = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            error = {"message": text}
        self.status = status
        self.code = error.get("code")
        self.name = error.get("name")
        self.hint = error.get("hint")
        message = f"{request}: {status} {error.get('message')}"
        super().__init__(f"{message} ({self.hint})" if self.hint else message)


class Control:
    """`url` as `http://localhost:8890`. `hub`: the name of the hub that is meant, none for the one that `url` names."""

    def __init__(self, url, token=None, hub=None):
        self.url = url.rstrip("/")
        self.token = token
        self.hub = hub
        # A proxy for the internet would not find this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def of(self, hub):
        return Control(self.url, self.token, hub)

    def request(self, method, path, query=(), body=None, wait=0):
        """The answer: JSON as such, other content as text, None for none. `body`: text as it is, else sent as JSON.
        Raises ControlError, or OSError when nobody answers."""
        query = [(name, value) for name, value in dict(query).items() if value is not None]
        if self.hub is not None:
            query.append(("hub", self.hub))
        url = f"{self.url}/_emulator/{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(url, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            is_text = isinstance(body, str)
            request.data = (body if is_text else json.dumps(body)).encode()
            request.add_header("Content-Type", "application/yaml" if is_text else "application/json")
        try:
            with self._opener.open(request, timeout=wait + _ANSWER_WITHIN) as answer:
                content, kind = answer.read().decode(), answer.headers.get_content_type()
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise ControlError(f"{method} {url}", refusal.code, refusal.read().decode()) from None
        if not content:
            return None
        return json.loads(content) if kind == "application/json" else content

    def get(self, path, query=(), wait=0):
        return self.request("GET", path, query, wait=wait)

    def post(self, path, body=None, query=()):
        return self.request("POST", path, query, body)

    def delete(self, path):
        return self.request("DELETE", path)
