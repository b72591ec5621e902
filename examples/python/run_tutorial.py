"""Runs the tutorial's three apps as processes of their own, in the tutorial's order, and shows what each prints.

Exit status 0 when the desired property that update_desired.py set has reached receive_desired.py, 1 otherwise.
Environment: IOTHUB_CONNECTION_STRING and the trust variables, as `iothub-emulator exec` sets them.
"""

import os
import pathlib
import subprocess
import sys
import threading

INTERVAL = 122
SECONDS_TO_WAIT = 60


class App:
    """One of the apps, running; its lines are shown at once, with its name in front."""

    def __init__(self, name, *arguments, **environment):
        self.name = name
        self.lines = []
        self._waiting_for = threading.Condition()
        self._ended = False
        script = pathlib.Path(__file__).with_name(name + ".py")
        self._process = subprocess.Popen(
            [sys.executable, "-u", script, *map(str, arguments)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            print(f"[{self.name}] {line.rstrip()}", flush=True)
            with self._waiting_for:
                self.lines.append(line.rstrip())
                self._waiting_for.notify_all()
        with self._waiting_for:
            self._ended = True
            self._waiting_for.notify_all()

    def wait_for_line(self, beginning):
        with self._waiting_for:
            self._waiting_for.wait_for(lambda: self._ended or self._has(beginning), SECONDS_TO_WAIT)
            if not self._has(beginning):
                raise RuntimeError(f"{self.name} did not print {beginning!r}")

    def _has(self, beginning):
        return any(line.startswith(beginning) for line in self.lines)

    def finish(self):
        try:
            status = self._process.wait(SECONDS_TO_WAIT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self.name} did not end within {SECONDS_TO_WAIT} s") from None
        if status != 0:
            raise RuntimeError(f"{self.name} ended with status {status}")
        self._reader.join()
        return self.lines

    def stop(self):
        self._process.kill()
        self._process.wait()


def run_apps():
    module_connection_string = App("create_module").finish()[-1]
    receiver = App("receive_desired", 1, IOTHUB_MODULE_CONNECTION_STRING=module_connection_string)
    try:
        receiver.wait_for_line("waiting")
        App("update_desired", INTERVAL).finish()
        last_line = receiver.finish()[-1]
    finally:
        receiver.stop()
    if f"'telemetryInterval': {INTERVAL}" not in last_line:
        raise RuntimeError(f"the patch received is not the one that was sent: {last_line}")


def main():
    if "IOTHUB_CONNECTION_STRING" not in os.environ:
        print("IOTHUB_CONNECTION_STRING is not set; run this by `iothub-emulator exec -- python ...`", file=sys.stderr)
        return 1
    try:
        run_apps()
    except RuntimeError as failure:
        print(f"the tutorial failed: {failure}", file=sys.stderr)
        return 1
    print("the desired property has reached the module")
    return 0


if __name__ == "__main__":
    sys.exit(main())
