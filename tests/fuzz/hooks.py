"""Keeps the run deep and short: ids in bodies are those of the path, what a run deletes is made again, and no method
waits longer for a device than the run's own time-out."""

import pathlib
import sys

import schemathesis

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import seed  # noqa: E402

MOST_SECONDS = {"connectTimeoutInSeconds": 2, "responseTimeoutInSeconds": 6}
IDS = {"deviceId": "device", "moduleId": "module", "jobId": "job", "id": "configuration"}


def bound(node):
    if isinstance(node, list):
        for child in node:
            bound(child)
    elif isinstance(node, dict):
        for name, limit in MOST_SECONDS.items():
            if isinstance(node.get(name), dict) and "maximum" in node[name]:
                node[name]["maximum"] = limit
            if node.get("name") == name and "schema" in node:
                node["schema"]["maximum"] = limit
        for child in node.values():
            bound(child)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    bound(raw_schema)


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict):
        for member, parameter in IDS.items():
            if isinstance(case.body.get(member), str) and parameter in (case.path_parameters or {}):
                case.body[member] = case.path_parameters[parameter]


@schemathesis.hook
def after_call(context, case, response):
    if case.method.upper() == "DELETE" and response.status_code == 204:
        seed.seed()
