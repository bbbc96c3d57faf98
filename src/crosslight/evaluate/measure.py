"""Time and memory of a piece of work."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Start measuring the peak anew, where the system can (Linux); elsewhere the peak of the whole run stands."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")


def peak_bytes() -> int:
    """Return the most memory this process held since `reset_peak`, in bytes; 0 where the system does not say."""
    try:
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024
