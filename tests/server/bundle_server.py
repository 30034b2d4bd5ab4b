# SPDX-License-Identifier: Apache-2.0
"""A server of bundles for tests: HTTP on loopback, ETags, questions that are held until there is something new, and failures on demand."""
import hashlib
import http.server
import threading


class BundleServer:
    """bundle: the bytes; None: 404. status: answered in place of it. asked: the headers of all questions. cut: so many bytes of each body are sent, then the connection ends."""

    def __init__(self, bundle=None):
        self.changed = threading.Condition()
        self.bundle, self.status, self.cut, self.asked, self.answers = bundle, None, None, [], []

    def put(self, bundle):
        with self.changed:
            self.bundle = bundle
            self.changed.notify_all()

    def etag(self):
        return '"' + hashlib.sha256(self.bundle or b"").hexdigest()[:20] + '"'

    def __enter__(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with server.changed:
                    server.asked.append(dict(self.headers))
                    wait = [part for part in self.headers.get("Prefer", "").split(";") if part.startswith("wait=")]
                    if wait:
                        server.changed.wait_for(lambda: server.status or self.headers.get("If-None-Match") != server.etag(), float(wait[0][5:]))
                    body, status, etag = server.bundle, server.status, server.etag()
                same = self.headers.get("If-None-Match") == etag
                status = status or (404 if body is None else 304 if same else 200)
                server.answers.append(status)
                body = body if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", etag)
                self.end_headers()
                if server.cut is not None and body:
                    body = body[: server.cut]
                    self.close_connection = True
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/bundle.polb"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        with self.changed:
            self.status = 503
            self.changed.notify_all()
        self.http.shutdown()
        self.http.server_close()
