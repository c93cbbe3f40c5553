"""A longer way to a server: each chunk of bytes arrives later, in both directions.

    python bench/delay.py LISTEN TARGET

forwards one port of this machine to another. Each line of the standard input is a new delay in
milliseconds, for the way there and back together.
"""

import ctypes
import socket
import sys
import threading
import time

PR_SET_TIMERSLACK = 29

one_way = 0.0  # seconds


def pump(source: socket.socket, target: socket.socket) -> None:
    # The kernel may let a thread sleep this much longer, in nanoseconds; 50,000 by default.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1_000)
    try:
        while chunk := source.recv(65536):
            time.sleep(one_way)
            target.sendall(chunk)
    except OSError:
        pass
    for each in (source, target):
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other direction was first


def serve(listener: socket.socket, target: int) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", target))
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def main() -> None:
    global one_way
    listen, target = map(int, sys.argv[1:])
    listener = socket.create_server(("127.0.0.1", listen), backlog=512)
    threading.Thread(target=serve, args=(listener, target), daemon=True).start()
    for line in sys.stdin:
        one_way = float(line) / 2_000
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
