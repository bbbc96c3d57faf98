"""Qdrant's REST interface over `qdrant-client`'s engine in this process: what crosses the network, without a server.

It answers the requests that Crosslight's server store sends, reads them by the client's own models, and lets several
processes write at once. A real server is asked by the same tests when QDRANT_URL names one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from qdrant_client import QdrantClient, models

PATH = re.compile(r"/collections/(?P<collection>[^/]+)(?P<rest>/.*)?")


class RestServer(ThreadingHTTPServer):
    """Holds the engine; one request at a time reaches it."""

    daemon_threads = True

    def __init__(self, api_key: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.api_key = api_key
        self.engine = QdrantClient(":memory:", force_disable_check_same_thread=True)
        self.lock = threading.Lock()
        self.n_writes = 0
        self.refuse_after: int | None = None  # so many more writes, then 503: for tests of an interrupted move

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request: its JSON into the client's model, the engine's answer into JSON."""

    server: RestServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.api_key and self.headers.get("api-key") != self.server.api_key:
            self.reply(401, "Must provide an API key or an Authorization bearer token")
            return
        found = PATH.fullmatch(urlsplit(self.path).path)
        assert found is not None, self.path
        collection, rest = unquote(found["collection"]), found["rest"] or ""
        with self.server.lock:
            try:
                status, result = 200, self.handle_call(f"{self.command} {rest}".strip(), collection, body)
            except PermissionError as error:
                status, result = 503, {"error": str(error)}
            except ValueError as error:
                status, result = 404, {"error": str(error)}
        self.reply(status, result)

    def handle_call(self, call: str, collection: str, body: bytes) -> Any:
        engine = self.server.engine
        sent = json.loads(body) if body else {}
        if call == "GET /exists":
            return {"exists": engine.collection_exists(collection)}
        if call == "PUT":
            config = models.CreateCollection(**sent)
            vectors = config.sparse_vectors
            return engine.create_collection(collection, vectors_config={}, sparse_vectors_config=vectors)
        if call == "DELETE":
            return engine.delete_collection(collection)
        if not engine.collection_exists(collection):
            raise ValueError(f"Not found: Collection `{collection}` doesn't exist!")
        if call == "PUT /index":
            return engine_result()
        if call == "PUT /points":
            self.count_write()
            points = models.PointsList(**sent).points
            engine.upsert(collection, points)
            return engine_result()
        if call == "POST /points/delete":
            engine.delete(collection, models.PointIdsList(**sent))
            return engine_result()
        if call == "POST /points":
            asked = models.PointRequest(**sent)
            return engine.retrieve(collection, asked.ids, with_payload=True, with_vectors=bool(asked.with_vector))
        if call == "POST /points/query":
            query = models.QueryRequest(**sent)
            assert query.params is not None and query.params.exact
            return engine.query_points(
                collection, query=query.query, using=query.using, query_filter=query.filter, limit=query.limit,
                with_payload=query.with_payload or False,
            )  # fmt: skip
        if call == "POST /points/scroll":
            scroll = models.ScrollRequest(**sent)
            records, following = engine.scroll(
                collection, scroll_filter=scroll.filter, limit=scroll.limit or 10, offset=scroll.offset,
                with_payload=True, with_vectors=bool(scroll.with_vector),
            )  # fmt: skip
            return models.ScrollResult(points=records, next_page_offset=following)
        assert call == "POST /points/count", call
        counted = models.CountRequest(**sent)
        return engine.count(collection, count_filter=counted.filter, exact=bool(counted.exact))

    def count_write(self) -> None:
        self.server.n_writes += 1
        if self.server.refuse_after is not None:
            if self.server.refuse_after <= 0:
                raise PermissionError("Service is not ready")
            self.server.refuse_after -= 1

    def reply(self, status: int, result: Any) -> None:
        answer = {"result": to_plain(result), "status": "ok", "time": 0.0}
        if status != 200:
            answer = {"status": result, "time": 0.0}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def engine_result() -> models.UpdateResult:
    return models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)


def to_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [to_plain(v) for v in value]
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value


@contextmanager
def serve(api_key: str | None = None) -> Iterator[RestServer]:
    """Run a server on a free port while the block runs."""
    server = RestServer(api_key)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        server.engine.close()
