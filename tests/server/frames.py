# SPDX-License-Identifier: Apache-2.0
"""A client of the binary frames (docs/protocols.md)."""
import json
import struct

GREETING = b"\0PW1"
EVALUATION, EVALUATIONS, SEARCH_SUBJECT, SEARCH_RESOURCE, SEARCH_ACTION = range(1, 6)


def frame(number, operation, body):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return struct.pack(">IIB", len(body) + 5, number, operation) + body


class FrameClient:
    """One connection over a connected socket."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        sock.sendall(GREETING)

    def send(self, number, operation, body):
        self.sock.sendall(frame(number, operation, body))

    def take(self, n):
        while len(self.rest) < n:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        taken, self.rest = self.rest[:n], self.rest[n:]
        return taken

    def read(self):
        """(id, status, JSON) of the next answer."""
        n, number, status = struct.unpack(">IIH", self.take(10))
        return number, status, json.loads(self.take(n - 6))
