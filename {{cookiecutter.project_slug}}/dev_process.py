"""Processes that end with the one that starts them, however it ends: Ctrl-C, kill -9.

They are a group of their own, and hold a lock while they live. The first of them, the keeper, waits
for the end of a pipe, which the kernel closes with the process that has its other end.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

PATIENCE = 10  # seconds that they have to end by themselves


class Group:
    def __init__(self, lock: Path) -> None:
        """Ends what is left of an earlier group first, where its keeper was killed as well."""
        self.lock = lock.open("a+")
        if not is_free(self.lock):
            self.lock.seek(0)
            end(int(self.lock.read()), self.lock)
        keeper = [sys.executable, "-IS", __file__, str(lock)]
        self.keeper = subprocess.Popen(keeper, stdin=subprocess.PIPE, process_group=0)
        self.lock.truncate(0)
        self.lock.write(str(self.keeper.pid))
        self.lock.flush()

    def start(self, command: list[str], **popen: Any) -> subprocess.Popen:
        lock, group = [self.lock.fileno()], self.keeper.pid
        return subprocess.Popen(command, pass_fds=lock, process_group=group, **popen)

    def end(self) -> None:
        self.lock.close()
        self.keeper.stdin.close()
        self.keeper.wait()


def end(group: int, lock: IO[str]) -> None:
    """End a group whose processes hold this lock; 0 is that of this process."""
    os.killpg(group, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while not is_free(lock) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(group, signal.SIGKILL)


def is_free(lock: IO[str]) -> bool:
    """Take the lock of this open file, if nobody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.read()
    with open(sys.argv[1]) as file:
        end(0, file)
