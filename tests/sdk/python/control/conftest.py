import pytest

from control.control_api import ControlApi, EventReader
from hub_process import HubProcess


@pytest.fixture
def control(hub):
    return ControlApi(hub.ports["portal"])


@pytest.fixture
def start_fresh_hub(hub, tmp_path):
    """Starts hubs with nothing in them, one after the other, in the place of the shared one; trusted as that is."""
    hub.stop()
    started = []

    def start(*flags):
        if started and started[-1].running:
            started[-1].stop()
        fresh = HubProcess(hub.binary, tmp_path / f"hub-{len(started)}")
        (tmp_path / f"hub-{len(started)}").mkdir()
        fresh.ca_folder = hub.ca_folder
        fresh.start(*flags)
        started.append(fresh)
        return fresh

    yield start
    for each in started:
        if each.running:
            each.stop()
    hub.start()


@pytest.fixture
def read_events(hub):
    readers = []

    def read(**parameters):
        readers.append(EventReader(hub.ports["portal"], **parameters))
        return readers[-1]

    yield read
    for reader in readers:
        reader.close()
