"""A loopback server that huggingface_hub accesses by HTTP, with faults on demand; and models shaped like SD-1.5."""

import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Repo:
    files: dict[str, bytes]
    commit: str = COMMIT
    gated: bool = False
    status: int = 200  # of every response
    cut_after: dict[str, int] = field(default_factory=dict)  # file -> bytes sent before the connection is cut


class LoopbackHub:
    """A server of ``repos``; ``log`` records method and path of each request."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.log: list[tuple[str, str]] = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.owner.log.append((self.command, path))
        parts = path.removeprefix("/api/models").strip("/").split("/")
        repo = self.owner.repos.get("/".join(parts[:2]))
        kind, rest = (parts[2], parts[3:]) if len(parts) > 2 else ("info", [])
        if repo is None:
            return self._error(401, "RepoNotFound")
        if repo.status != 200:
            return self._error(repo.status, "")
        if kind != "info" and rest and rest[0] not in (repo.commit, "main"):
            return self._error(404, "RevisionNotFound")
        if kind in ("info", "revision"):
            siblings = [{"rfilename": name} for name in repo.files]
            return self._json({"id": "/".join(parts[:2]), "sha": repo.commit, "siblings": siblings, "tags": []})
        if kind == "tree":
            files = [{"type": "file", "path": n, "size": len(b), "oid": COMMIT} for n, b in repo.files.items()]
            return self._json(files)
        if repo.gated:
            return self._error(401, "GatedRepo")
        return self._file(repo, "/".join(rest[1:]))

    def _error(self, status: int, code: str) -> None:
        more = {"X-Error-Code": code, "X-Error-Message": code or "out of order"}
        self._send(b"", status, **{k: v for k, v in more.items() if v})

    def _json(self, data: object) -> None:
        self._send(json.dumps(data).encode(), **{"Content-Type": "application/json"})

    def _send(self, body: bytes, status: int = 200, *, limit: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:limit])

    def _file(self, repo: Repo, file: str) -> None:
        if file not in repo.files:
            return self._error(404, "EntryNotFound")
        data = repo.files[file]
        limit = repo.cut_after.get(file, len(data))
        headers = {"X-Repo-Commit": repo.commit, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        with suppress(OSError):  # the client may have disconnected
            self._send(data, limit=limit, **headers)
        if limit < len(data):
            self.close_connection = True
        return None
