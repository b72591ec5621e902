"""The fixtures and the marker; README.md shows them at work."""

import os
import shlex
from pathlib import Path

import pytest

from .control import ControlError
from .emulator import EmulatorError, find_or_start
from .hub import refusal_text


def pytest_addoption(parser):
    parser.addini("iothub_binary", "the program iothub-emulator [IOTHUB_BINARY, or from PATH]", default="")
    parser.addini("iothub_flags", "further flags of `iothub-emulator serve`", default="")
    parser.addini("iothub_listen", "its address [one of the loopback that nobody uses]", default="")
    parser.addini("iothub_seeds", "seed files of iothub_session, relative to the root folder", type="args", default=[])


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "iothub_seed(*seeds): files, beside the test, or dictionaries that the fixture `iothub` begins with"
    )


def pytest_collection_modifyitems(items):
    for item in items:
        # Its own: the marker of a module is for those of its tests that use the fixture.
        marked = any(mark.name == "iothub_seed" for mark in item.own_markers)
        if marked and "iothub" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} has the marker iothub_seed, but not the fixture `iothub`, which obeys it")


@pytest.fixture(scope="session")
def iothub_emulator(request):
    """The emulator: the one that IOTHUB_CONTROL_URL names, else an own process, one for each worker of pytest-xdist. This
    process and those that it starts trust its hubs."""
    ini = request.config.getini
    flags = shlex.split(ini("iothub_flags"))
    try:
        emulator = find_or_start(ini("iothub_binary") or None, flags, ini("iothub_listen") or None)
    except EmulatorError as error:
        pytest.fail(str(error), pytrace=False)
    with emulator, pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.trust().items():
            patch.setenv(name, value)
        yield emulator


@pytest.fixture(scope="session")
def iothub_session(iothub_emulator, request):
    """A hub for all tests of the session (of one worker); faster than one for each, when tests use different devices."""
    # Workers that were led to one emulator would meet in its default hub.
    shares = not iothub_emulator.is_own and "PYTEST_XDIST_WORKER" in os.environ
    hub = iothub_emulator.new_hub() if shares else iothub_emulator.default_hub
    hub.seed(*(request.config.rootpath / seed for seed in request.config.getini("iothub_seeds")))
    return hub


@pytest.fixture
def iothub(iothub_emulator, request, monkeypatch):
    """A hub for one test, with nothing in it but the test's seeds. IOTHUB_CONNECTION_STRING and
    EVENTHUB_CONNECTION_STRING lead to it."""
    hub = iothub_emulator.new_hub()
    try:
        # Those of the module come before those of the function.
        for mark in reversed(list(request.node.iter_markers("iothub_seed"))):
            hub.seed(*(_seed_of(request.path, seed) for seed in mark.args))
        for name, value in hub.environment().items():
            monkeypatch.setenv(name, value)
        yield hub
    finally:
        hub.remove()


def _seed_of(test_file, seed):
    return seed if isinstance(seed, dict) else Path(test_file).parent / seed


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure's report says what the test's hubs refused, and why."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name in ("iothub", "iothub_session"):
        hub = getattr(item, "funcargs", {}).get(name)
        refusals = _refusals(hub) if hub else []
        if refusals:
            report.sections.append((f"refused by the hub {hub.name}, newest first", "\n".join(refusals)))


def _refusals(hub):
    try:
        return [refusal_text(each) for each in hub.refusals(limit=10)]
    except (OSError, ControlError):
        return []  # It is gone: the failure has said so, or the test's end was the failure.
