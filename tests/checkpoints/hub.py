"""A hub on loopback: real HTTP that huggingface_hub talks to, with faults on demand, and models of SD-1.5's form."""

import hashlib
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Repo:
    """Files of one repository, and what is wrong with it."""

    files: dict[str, bytes]
    commit: str = COMMIT
    gated: bool = False
    status: int | None = None
    statuses: list[int] = field(default_factory=list)  # of the next requests, one each
    retry_after: str | None = None  # sent along with errors
    plain_server: bool = False  # does not say which commit a file is of
    cut_after: dict[str, int] = field(default_factory=dict)  # file -> bytes sent before the connection is cut
    cuts: int = 1_000_000  # how many times
    web_page: bool = False  # answers everything with HTML
    hold_after: dict[str, int] = field(default_factory=dict)  # file -> bytes sent before waiting for `resume`
    holding: threading.Event = field(default_factory=threading.Event)
    resume: threading.Event = field(default_factory=threading.Event)
    stall: float = 0.0  # seconds before every answer
    ranges: bool = True  # else the whole file is sent whatever part was asked for
    etag: str | None = None  # instead of the hash
    flipped: frozenset[str] = frozenset()  # files of which one byte arrives wrong


class LoopbackHub:
    """Serves `repos`; `log` keeps (method, path, range) of every request."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.log: list[tuple[str, str, str | None]] = []
        self.sent = 0  # bytes of file bodies
        hub = self

        class Handler(_Handler):
            owner = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked_for(self, ending: str, method: str = "GET") -> list[str | None]:
        """Return the Range headers of the requests whose path ends so."""
        return [r for m, path, r in self.log if m == method and path.endswith(ending)]


class _Handler(BaseHTTPRequestHandler):
    owner: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.owner.log.append((self.command, path, self.headers.get("Range")))
        parts = path.removeprefix("/api/models").strip("/").split("/")
        repo = self.owner.repos.get("/".join(parts[:2]))
        kind, rest = (parts[2], parts[3:]) if len(parts) > 2 else ("info", [])
        if repo is None:
            return self._error(401, "RepoNotFound", body)
        if repo.stall:
            time.sleep(repo.stall)
        if repo.web_page:
            return self._send(b"<html></html>", "text/html", body)
        if repo.statuses:
            return self._error(repo.statuses.pop(0), "", body, repo.retry_after)
        if repo.status is not None:
            return self._error(repo.status, "", body, repo.retry_after)
        if kind != "info" and rest and rest[0] not in (repo.commit, "main"):
            return self._error(404, "RevisionNotFound", body)
        if kind in ("info", "revision"):
            return self._json({"id": "/".join(parts[:2]), "sha": repo.commit, "siblings": [], "tags": []}, body)
        if kind == "tree":
            return self._tree(repo, "/".join(rest[1:]), body)
        if repo.gated:
            return self._error(401, "GatedRepo", body)
        return self._file(repo, "/".join(rest[1:]), body)

    def _error(self, status: int, code: str, body: bool, retry_after: str | None = None) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code or "out of order")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, data: object, body: bool) -> None:
        self._send(json.dumps(data).encode(), "application/json", body)

    def _send(self, text: bytes, kind: str, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if body:
            self.wfile.write(text)

    def _tree(self, repo: Repo, folder: str, body: bool) -> None:
        prefix = f"{folder}/" if folder else ""
        inside = [f for f in repo.files if f.startswith(prefix)]
        if not inside:
            return self._error(404, "EntryNotFound", body)
        entries: dict[str, dict[str, object]] = {}
        for file in inside:
            name, _, deeper = file.removeprefix(prefix).partition("/")
            if deeper:
                entries[name] = {"type": "directory", "path": prefix + name, "oid": "0" * 40}
            else:
                sha, size = hashlib.sha256(repo.files[file]).hexdigest(), len(repo.files[file])
                lfs = {"oid": sha, "size": size, "pointerSize": 100}
                entries[name] = {"type": "file", "path": file, "oid": "0" * 40, "size": size, "lfs": lfs}
        return self._json(list(entries.values()), body)

    def _file(self, repo: Repo, file: str, body: bool) -> None:
        if file not in repo.files:
            return self._error(404, "EntryNotFound", body)
        data = repo.files[file]
        etag = hashlib.sha256(data).hexdigest() if repo.etag is None else repo.etag
        if file in repo.flipped:
            data = data[:-1] + bytes([data[-1] ^ 1])
        start, stop = 0, len(data)
        if repo.ranges and (wanted := self.headers.get("Range")) is not None:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, stop) if last else stop
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        else:
            self.send_response(200)
        if not repo.plain_server:
            self.send_header("X-Repo-Commit", repo.commit)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if not body:
            return None
        limit = repo.cut_after.get(file)
        if limit is not None and repo.cuts > 0 and stop - start > limit:
            repo.cuts -= 1
            self.wfile.write(data[start : start + limit])
            self.wfile.flush()
            self.owner.sent += limit
            self.close_connection = True
            self.connection.close()
            return None
        held = repo.hold_after.get(file)
        if held is not None and stop - start > held:
            self.wfile.write(data[start : start + held])
            repo.holding.set()
            repo.resume.wait(60)
            start += held
        with suppress(OSError):  # the client may be gone
            for begin in range(start, stop, 1 << 22):
                self.owner.sent += self.wfile.write(data[begin : min(begin + (1 << 22), stop)])
        return None
