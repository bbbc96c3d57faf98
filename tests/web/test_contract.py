"""The REST API does what its own OpenAPI description says, asked by Schemathesis over HTTP."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

import crosslight
from crosslight.web.app import build_app
from crosslight.web.settings import Limits, ServeSettings

CALM = settings(
    max_examples=4, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
PATIENT = Limits(requests_per_s=1e6, burst=1e6, n_waiting=10_000, n_waiting_each=10_000)


@pytest.fixture(scope="module")
def description(earth_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return the OpenAPI description of a server that runs while the tests do."""
    folder = shutil.copytree(earth_index, tmp_path_factory.mktemp("contract") / "earth")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = build_app(crosslight.Index.open(folder, device="cpu"), ServeSettings(limits=PATIENT))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{listener.getsockname()[1]}/api/openapi.json")
        server.should_exit = True
        thread.join(60)


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
def test_every_answer_is_as_described(description: Any, mode: schemathesis.GenerationMode) -> None:
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) > 20
    faults = [fault for operation in operations for fault in find_faults(operation, mode)]
    assert faults == []


def find_faults(operation: Any, mode: schemathesis.GenerationMode) -> list[str]:
    """Ask an operation a few times and return what its answers do that the description doesn't say."""
    takes_files = operation.method == "post"  # whether a file is an image, a description cannot say

    @CALM
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(timeout=20, excluded_checks=[positive_data_acceptance] if takes_files else [])

    try:
        check()
    except FailureGroup as group:
        return [f"{operation.label}: {fault}" for fault in group.exceptions]
    except Unsatisfiable:  # it takes nothing that could be wrong
        pass
    return []
