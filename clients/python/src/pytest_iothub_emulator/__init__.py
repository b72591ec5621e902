"""Azure IoT Hub for tests: fixtures for pytest in plugin.py; without pytest, `with Emulator.start() as emulator`."""

from .control import ControlError
from .emulator import Emulator, EmulatorError, find_or_start
from .hub import Clock, Fault, Faults, Hub, Message, Messages, MessagesMissing

__all__ = [
    "Clock",
    "ControlError",
    "Emulator",
    "EmulatorError",
    "Fault",
    "Faults",
    "Hub",
    "Message",
    "Messages",
    "MessagesMissing",
    "find_or_start",
]
