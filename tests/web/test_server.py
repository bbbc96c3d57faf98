"""`crosslight serve` as it is started on the command line."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

COMMAND = [sys.executable, "-m", "crosslight", "serve"]


def test_another_host_asks_for_the_token_that_is_printed(own_index: Path) -> None:
    command = [*COMMAND, str(own_index), "--host", "0.0.0.0", "--port", "0", "--device", "cpu"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        found = re.search(r"(http://\S+)/\?token=(\S+)", run.stdout.readline())
        assert found is not None
        address, token = found.groups()
        assert len(token) >= 30
        assert requests.get(f"{address}/api/health", timeout=30).status_code == 401
        session = requests.Session()
        assert session.get(f"{address}/?token={token}", timeout=30).status_code == 200
        assert session.get(f"{address}/api/health", timeout=30).json()["status"] == "ok"
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 0


def test_a_port_that_is_taken_is_named(own_index: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = subprocess.run([*COMMAND, str(own_index), "--port", port], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f"127.0.0.1:{port}" in result.stderr and "--port" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_that_is_no_index_is_refused(tmp_path: Path) -> None:
    result = subprocess.run([*COMMAND, str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "is not an index" in result.stderr
