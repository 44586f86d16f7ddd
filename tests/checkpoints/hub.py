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
    """A server of ``repos``; ``log`` records method, path and Range header of each request."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.log: list[tuple[str, str, str | None]] = []
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

    def asked_for(self, ending: str) -> list[str | None]:
        return [r for method, path, r in self.log if method == "GET" and path.endswith(ending)]


class _Handler(BaseHTTPRequestHandler):
    owner: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.owner.log.append((self.command, path, self.headers.get("Range")))
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

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, repo: Repo, file: str) -> None:
        if file not in repo.files:
            return self._error(404, "EntryNotFound")
        data = repo.files[file]
        etag = hashlib.sha256(data).hexdigest()
        start, stop = 0, len(data)
        if (wanted := self.headers.get("Range")) is not None:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, stop) if last else stop
        self.send_response(200 if wanted is None else 206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.send_header("X-Repo-Commit", repo.commit)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD":
            return None
        limit = repo.cut_after.get(file)
        if limit is not None and stop - start > limit:
            self.wfile.write(data[start : start + limit])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return None
        with suppress(OSError):  # the client may have disconnected
            for begin in range(start, stop, 1 << 22):
                self.wfile.write(data[begin : min(begin + (1 << 22), stop)])
        return None
