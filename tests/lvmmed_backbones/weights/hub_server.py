"""The small part of a model hub that fetching a file needs, for tests: files of commits, Range, and refusals."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A hub with repositories of one commit each.

    Attributes
    ----------
    files : dict of str to dict
        Content by file, by repository.
    gated : set of str
        Repositories that ask for an agreement.
    breaks_after : int or None
        Bytes of an answer, after which the connection breaks off; once.
    served : list of (str, int)
        File and first byte of each download.
    """

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    breaks_after: int | None = None
    served: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""

    @contextmanager
    def running(self) -> Iterator[Hub]:
        """Serve on a free port of this machine."""
        handler = type("Handler", (_Handler,), {"hub": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.address = f"http://127.0.0.1:{server.server_port}"
            yield self
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        files = self.hub.files.get(match[1]) if match else None
        if match is None or files is None:
            self._refuse(401, "RepoNotFound")
        elif match[1] in self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif match[2] not in ("main", "v1", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif match[3] not in files:
            self._refuse(404, "EntryNotFound")
        else:
            self._give(match[3], files[match[3]], with_body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _give(self, file: str, content: bytes, with_body: bool) -> None:
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not with_body:
            return
        self.hub.served.append((file, start))
        if self.hub.breaks_after is not None:
            content, self.hub.breaks_after = content[: start + self.hub.breaks_after], None
            self.close_connection = True
        self.wfile.write(content[start:])
