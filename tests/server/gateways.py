# SPDX-License-Identifier: Apache-2.0
"""What the tests of gateways share: a daemon whose policy knows orders, tokens for it, a service that says what it was sent, and gateways with the configurations of docs/gateways.md."""
import contextlib
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from credentials import Credentials
from daemon import BUILD, Daemon

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from jwk import Key, jwks  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
ISSUER = "https://id.example"
POLICY = """package orders

route GET "/v1/orders/{id}" is read on order
route POST "/v1/orders/{id}" is update on order
route DELETE "/v1/orders/{id}" is delete on order

scope "orders:read" covers read on order
scope "orders:write" covers update, delete on order

permit anyone to * on order as "own" if subject.type == "user"
permit anyone to * on order as "certified" if input.cert.spiffe_id == "spiffe://acme.example/web"
forbid anyone to * on order as "blocked" because "mallory is blocked" if subject.id == "mallory"
"""


class Gateways:
    """The daemon of the test, with an issuer's key. Its socket is open to all, since some gateways give up being root."""

    def __init__(self, **settings):
        self.key = Key("ES256", "k1")
        self.daemon = Daemon({"decision": "polward/decision", "socket": {"path": "s", "mode": "0666"}, **settings}, data={}, modules={"orders.pol": POLICY})

    def __enter__(self):
        d = self.daemon
        os.chmod(d.folder, 0o755)
        c = self.credentials = Credentials(d.folder)
        c.certificate("web", "URI:spiffe://acme.example/web")
        c.certificate("server", "IP:127.0.0.1")
        (d.folder / "keys.json").write_text(json.dumps(jwks(self.key)))
        issuer = {"issuer": ISSUER, "jwks_file": "keys.json", "algorithms": ["ES256"], "audiences": ["orders"]}
        d.settings["identity"] = {"issuers": [issuer], "trust": ["ca.pem"], "xfcc": {"uids": [str(os.getuid())]}}
        d.__enter__()
        return self

    def __exit__(self, *exception):
        self.daemon.__exit__(*exception)

    def token(self, subject="alice", scope="orders:read orders:write", **claims):
        return self.key.token({"iss": ISSUER, "aud": "orders", "sub": subject, "scope": scope, "exp": int(time.time()) + 3600, **claims})


class Service:
    """Says as JSON what it was sent."""

    def __enter__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                told = json.dumps({"service": True, "method": self.command, "path": self.path, "headers": self.headers.items(), "n": len(body)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


def block(name):
    """The configuration of docs/gateways.md that begins with this name."""
    return re.search(r"```\w+\n# " + re.escape(name) + r"\n(.*?)```", (ROOT / "docs/gateways.md").read_text(), re.S).group(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def adapt(text, g, service, port):
    text = text.replace("/run/polward/pold.sock", str(g.daemon.socket))
    return re.sub(r"\b8081\b", str(service.port), re.sub(r"\b8080\b", str(port), text))


@contextlib.contextmanager
def running(command, port, folder):
    """The gateway, once it listens."""
    with open(folder / "gateway.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the gateway did not start: " + (folder / "gateway.log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def started(start, g, service, **how):
    """The gateway's port. A port that was free may be another's by the time: then the next one."""
    with contextlib.ExitStack() as stack:
        for tries in range(10):
            port = free_port()
            try:
                stack.enter_context(start(g, service, port, **how))
                break
            except RuntimeError:
                if tries == 9:
                    raise
        yield port


def envoy_program():
    found = shutil.which("envoy") or str(BUILD.parent / "tools/envoy/envoy/_bin/envoy")
    return found if os.access(found, os.X_OK) else None


def start_nginx(g, service, port, tls=False):
    folder = g.daemon.folder
    text = adapt(block("nginx.conf"), g, service, port)
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("http {\n", "http {\n    access_log off;\n" + paths, 1)
    if tls:
        text = text.replace(f"listen 127.0.0.1:{port};", f"listen 127.0.0.1:{port} ssl;\n        ssl_certificate {folder}/server.pem;\n        ssl_certificate_key {folder}/server.key;\n"
                            f"        ssl_client_certificate {folder}/ca.pem;\n        ssl_verify_client on;")
    user = "user root; " if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(text)
    return running(["nginx", "-p", str(folder), "-e", str(folder / "gateway.log"), "-c", str(folder / "nginx.conf"), "-g", f"{user}daemon off; pid {folder}/nginx.pid;"], port, folder)


def start_envoy(g, service, port, tls=False):
    folder = g.daemon.folder
    text = adapt(block("envoy.yaml"), g, service, port)
    if tls:
        more = re.sub(r"filename: (\w+\.\w+)", lambda m: f"filename: {folder / m.group(1)}", block("envoy-tls.yaml"))
        text = text.replace("    - filters:\n", "    - " + more.replace("\n", "\n      ").rstrip() + "\n      filters:\n", 1)
    (folder / "envoy.yaml").write_text(text)
    return running([envoy_program(), "-c", str(folder / "envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"], port, folder)


def start_caddy(g, service, port):
    folder = g.daemon.folder
    (folder / "Caddyfile").write_text(adapt(block("Caddyfile"), g, service, port))
    return running(["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], port, folder)


class Asking:
    """One connection to a gateway."""

    def __init__(self, port, folder=None):
        if folder:
            context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
            context.load_cert_chain(folder / "web.pem", folder / "web.key")
            self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method="GET", path="/v1/orders/7?x=1&y=%20z", token=None, body=None, **headers):
        """(status, headers of the answer, what the service was sent or None)"""
        if token:
            headers["Authorization"] = "Bearer " + token
        self.connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        r = self.connection.getresponse()
        text = r.read()
        sent = json.loads(text) if r.status == 200 and b'"service"' in text else None
        if sent:
            sent["headers"] = {name.lower(): value for name, value in sent["headers"]}
        return r.status, {name.lower(): value for name, value in r.getheaders()}, sent

    def close(self):
        self.connection.close()
