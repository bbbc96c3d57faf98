"""Decodes uploads in a process of its own, which is replaced when it crashes or takes too long."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from crosslight.errors import InputError, UnreadableImageError


class Decoder:
    """A process that turns files into arrays, one at a time; `close` ends it."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def decode(self, path: Path, out: Path | None, *, max_pixels: int, max_side_px: int) -> tuple[list[int], Any]:
        """Decode a file into an .npy file, or only try to where `out` is None.

        Returns
        -------
        shape : list of int
            Height, width, channels.
        mpp : float or None
            Micrometres per pixel.

        Raises
        ------
        InputError
            If the file is no image that can be used; the sentence names it by `path`.
        """
        order = {"path": str(path), "out": str(out or ""), "max_pixels": max_pixels, "max_side_px": max_side_px}
        with self._lock:
            answer = self._ask(json.dumps(order))
        if "error" in answer:
            raise InputError(answer["error"])
        return answer["shape"], answer["mpp"]

    def start(self) -> None:
        """Start the process before it is needed."""
        with self._lock:
            self._start()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _ask(self, order: str) -> dict[str, Any]:
        process = self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(order + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=self._timeout_s)
        except queue.Empty:
            self._stop()
            raise UnreadableImageError(
                f"Decoding the image took more than {self._timeout_s:.0f} s; use a smaller one, or save it again."
            ) from None
        except OSError:
            line = ""
        if not line:
            self._stop()
            raise UnreadableImageError("The decoder gave up on this image: it is damaged. Copy or export it again.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            command = [sys.executable, "-m", "crosslight.web.decoding"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, text=True, encoding="utf-8", **pipes)  # type: ignore[call-overload]
            self._answers = queue.Queue()
            reader = threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True)
            reader.start()
        return self._process

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


def _read(stream: IO[str], answers: queue.Queue[str]) -> None:
    """Hand over every line, and an empty one at the end."""
    with stream:
        for line in stream:
            answers.put(line)
    answers.put("")
