"""The server store: a Qdrant server or cluster, one collection per index, any number of processes at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from crosslight.errors import IndexCorruptError, MissingDependencyError, StoreUnavailableError
from crosslight.store.adapter import Page, PointStore
from crosslight.store.points import KEY_CONDITIONS, VECTOR, Payload, Point, read_name, split_points
from crosslight.types import Histogram

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
except ImportError as missing:
    raise MissingDependencyError(
        "A Qdrant server needs the package qdrant-client; install it with `pip install 'crosslight[server]'`."
    ) from missing

TIMEOUT_S = 60
MEMORY = ":memory:"
LOG = logging.getLogger(__name__)


class QdrantStore(PointStore):
    """Keeps entries and vectors in a collection of a Qdrant server or cluster; searches are exact.

    A batch counts once `add` returns: the server has it in its log and in its index.

    Parameters
    ----------
    address : str
        ``http://host:6333`` or ``https://...``; ``:memory:`` or a folder keeps the collection in this process.
    collection : str
        Its name.
    api_key : str, optional
        What the server asks for.
    create : bool
        Whether to make the collection where it does not exist.

    Raises
    ------
    StoreUnavailableError
        If the server cannot be reached or refuses.
    IndexCorruptError
        If it has no such collection and `create` is not set.
    MissingDependencyError
        If qdrant-client is not installed.
    """

    def __init__(self, address: str, collection: str, *, api_key: str | None = None, create: bool = True) -> None:
        super().__init__(ServerTransport(address, collection, api_key=api_key, create=create))


class ServerTransport:
    """The engine behind a URL, or in this process for tests."""

    def __init__(self, address: str, collection: str, *, api_key: str | None, create: bool) -> None:
        self._address, self._collection = address, collection
        self._closed = False
        with self._guard():
            self._client = _connect(address, api_key)
        remote = _is_url(address)  # within this process every search is exact, and asking for it a warning
        self._exact = models.SearchParams(exact=True) if remote else None
        try:
            self._prepare_collection(create)
        except BaseException:
            self._client.close()
            raise

    def write(self, points: Sequence[Point]) -> None:
        """Write or replace points such that they are kept once this returns."""
        for group in split_points(points):
            with self._guard():
                self._client.upsert(self._collection, [_server_point(p) for p in group], wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points that are there."""
        with self._guard():
            self._client.delete(self._collection, models.PointIdsList(points=[*ids]), wait=True)

    def read(self, ids: Sequence[str]) -> list[Payload]:
        """Return the payloads of those ids that are there."""
        with self._guard():
            records = self._client.retrieve(self._collection, [*ids], with_payload=True, with_vectors=False)
        return [record.payload or {} for record in records]

    def query(self, vector: Histogram, n_hits: int, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return (name, dot product) of the best, best first."""
        with self._guard():
            answer = self._client.query_points(
                self._collection,
                query=_server_vector(vector),
                using=VECTOR,
                query_filter=_server_filter(texts),
                limit=n_hits,
                with_payload=["name"],
                search_params=self._exact,
            )
        return [(read_name(p.payload), float(p.score)) for p in answer.points]

    def page(self, start: str | None, n_points: int, texts: Sequence[str], *, with_vectors: bool) -> Page:
        """Return the points from id `start` on."""
        with self._guard():
            records, following = self._client.scroll(
                self._collection,
                scroll_filter=_server_filter(texts),
                limit=n_points,
                offset=start,
                with_payload=True,
                with_vectors=with_vectors,
            )
        vectors = [_read_vector(r.vector) for r in records] if with_vectors else []
        next_id = None if following is None else str(following)
        return Page(payloads=[r.payload or {} for r in records], vectors=vectors, following=next_id)

    def count(self, texts: Sequence[str]) -> int:
        """Return the number of points, exactly."""
        with self._guard():
            return self._client.count(self._collection, count_filter=_server_filter(texts), exact=True).count

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._closed = True
        self._client.close()

    def _prepare_collection(self, create: bool) -> None:
        """Make the collection unless it is there; several processes may try at once."""
        with self._guard():
            if self._client.collection_exists(self._collection):
                return
            if not create:
                raise IndexCorruptError(_missing(self._address, self._collection))
            try:
                self._client.create_collection(
                    self._collection,
                    vectors_config={},
                    sparse_vectors_config={VECTOR: models.SparseVectorParams()},
                    on_disk_payload=True,
                )
            except (UnexpectedResponse, ValueError):
                if not self._client.collection_exists(self._collection):
                    raise
            if self._exact:
                keyword = models.PayloadSchemaType.KEYWORD
                self._client.create_payload_index(self._collection, KEY_CONDITIONS, keyword, wait=True)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn the client's errors within the block into one sentence each."""
        if self._closed:
            raise StoreUnavailableError(f"The store at {self._address} was closed; open the index again.")
        try:
            yield
        except (ApiException, QdrantException) as error:
            raise StoreUnavailableError(_explain(error, self._address, self._collection)) from error
        except RuntimeError as error:
            if "already accessed by another instance" not in str(error):
                raise
            raise StoreUnavailableError(
                f"The folder {self._address} is open in another process; wait until that has finished."
            ) from error


def _is_url(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _connect(address: str, api_key: str | None) -> QdrantClient:
    if not _is_url(address):
        return QdrantClient(MEMORY) if address == MEMORY else QdrantClient(path=address)
    parts = urlsplit(address)
    if api_key and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        LOG.warning("The API key travels to %s without encryption; use https there.", address)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")  # said above, in one line
        port = parts.port or (443 if parts.scheme == "https" else 6333)
        return QdrantClient(url=address, port=port, api_key=api_key, timeout=TIMEOUT_S, check_compatibility=False)


def _explain(error: Exception, address: str, collection: str) -> str:
    """Return what went wrong in one sentence, with the next step."""
    if isinstance(error, UnexpectedResponse) and error.status_code in (401, 403):
        return (
            f"The Qdrant server at {address} refuses access ({error.status_code}); put its API key into the "
            "environment variable QDRANT_API_KEY."
        )
    if isinstance(error, UnexpectedResponse) and error.status_code == 404:
        return _missing(address, collection)
    if isinstance(error, ResponseHandlingException):
        return (
            f"No Qdrant server answers at {address} ({_one_line(error.source)}); check the address, and that it runs."
        )
    return f"The Qdrant server at {address} refuses ({_one_line(error)}); see the server's log, then try again."


def _missing(address: str, collection: str) -> str:
    return (
        f"The Qdrant server at {address} has no collection {collection!r}; check the address, or run the same "
        "`crosslight index` again, which keeps the representations."
    )


def _one_line(error: BaseException) -> str:
    content = getattr(error, "content", b"")
    text = content.decode(errors="replace") if content else str(error) or type(error).__name__
    return " ".join(text.split())[:200]


def _server_point(point: Point) -> models.PointStruct:
    return models.PointStruct(id=point.id, vector={VECTOR: _server_vector(point.vector)}, payload=dict(point.payload))


def _server_vector(vector: Histogram) -> models.SparseVector:
    return models.SparseVector(indices=vector.words.tolist(), values=vector.counts.tolist())


def _read_vector(vectors: Any) -> Histogram:
    """Return the histogram of a record; the engine may leave out an empty one."""
    vector = (vectors or {}).get(VECTOR)
    words, weights = ([], []) if vector is None else (vector.indices, vector.values)
    return Histogram(words=np.array(words, np.int32), counts=np.array(weights, np.float32))


def _server_filter(texts: Sequence[str]) -> models.Filter | None:
    if not texts:
        return None
    return models.Filter(
        must=[models.FieldCondition(key=KEY_CONDITIONS, match=models.MatchValue(value=text)) for text in texts]
    )
