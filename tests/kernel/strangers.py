# SPDX-License-Identifier: Apache-2.0
"""Strangers at granted sockets, to whom descriptors go and from whom they come."""
import contextlib
import socket
import threading

from cases import remove
from kt import path


class Stranger:
    """Whoever connects to sockets/allowed-NAME is served by serve()."""

    def __init__(self, name):
        self.name = f"sockets/allowed-{name}"
        remove(self.name)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path(self.name))
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            to, _ = self.socket.accept()
            with to, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.serve(to)

    def serve(self, to):
        raise NotImplementedError


class Giver(Stranger):
    """Hands one descriptor to whoever connects."""

    def __init__(self, name, fd):
        self.fd = fd
        super().__init__(name)

    def serve(self, to):
        socket.send_fds(to, [b"x"], [self.fd])


class Greeter(Stranger):
    """Says something to whoever connects."""

    def serve(self, to):
        to.send(b"x")
        to.recv(1)


class Binder(Stranger):
    """Binds the sockets that it is handed."""

    def __init__(self, name, address, port):
        self.address = (address, port)
        super().__init__(name)

    def serve(self, to):
        with socket.socket(fileno=socket.recv_fds(to, 1, 1)[1][0]) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(self.address)
            to.send(b"x")
