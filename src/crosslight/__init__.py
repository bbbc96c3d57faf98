"""Find the same place in images of different kinds."""

from __future__ import annotations

__version__ = "0.1.0"
