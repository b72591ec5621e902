import pytest

from control.control_api import ControlApi, EventReader


@pytest.fixture
def control(hub):
    return ControlApi(hub.ports["portal"])


@pytest.fixture
def read_events(hub):
    readers = []

    def read(**parameters):
        readers.append(EventReader(hub.ports["portal"], **parameters))
        return readers[-1]

    yield read
    for reader in readers:
        reader.close()
