"""Time and memory of a piece of work."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> int:
    """Start measuring the peak anew, where the system can (Linux); elsewhere the peak of the whole run stands.

    Returns
    -------
    held : int
        What the process holds now, in bytes, once memory that was freed is given back; 0 where it is not known.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc only
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")
    return _read_status("VmRSS:")


def peak_bytes() -> int:
    """Return the most memory this process held since `reset_peak`, in bytes; 0 where the system does not say."""
    if peak := _read_status("VmHWM:"):
        return peak
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) if sys.platform == "darwin" else int(most) * 1024


def _read_status(name: str) -> int:
    """Return a line of Linux's account of this process, in bytes; 0 where there is none."""
    try:
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 0
