"""Every error Crosslight raises on purpose.

    CrosslightError                 catch this to catch them all
    |- InputError                   an image, folder or table cannot be used      (also ValueError)
    |  `- UnreadableImageError      a file is not a readable image                (also OSError)
    |- ConfigError                  an unknown name, key or value                 (also ValueError)
    |- MissingDependencyError       an optional package is not installed          (also ImportError)
    |- ModelError                   a model folder is damaged or too new          (also ValueError)
    |- IndexMismatchError           the index was made by another model           (also ValueError)
    |- IndexCorruptError            the index folder is damaged                   (also OSError)
    |- StoreUnavailableError        the store is locked, full or unreachable      (also ConnectionError)
    |- ClusterError                 the cluster cannot be reached or was lost     (also ConnectionError)
    `- TrainingDivergedError        the loss became infinite or not a number      (also ArithmeticError)

The tree follows what the user can do next. A message says what was wrong, the value received, what is allowed, and the
next step. The library raises; the command line prints one line and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping


class CrosslightError(Exception):
    """Base of all errors that Crosslight raises on purpose."""


class InputError(CrosslightError, ValueError):
    """An image, a folder or a table cannot be used as given."""


class UnreadableImageError(InputError, OSError):
    """A file is not an image, or is damaged."""


class ConfigError(CrosslightError, ValueError):
    """A setting has an unknown name or an impossible value."""


class MissingDependencyError(CrosslightError, ImportError):
    """An optional package is needed and not installed."""


class ModelError(CrosslightError, ValueError):
    """A model folder is damaged, incomplete or from a newer version."""


class IndexMismatchError(CrosslightError, ValueError):
    """An index and a model do not belong together."""


class IndexCorruptError(CrosslightError, OSError):
    """An index folder is damaged or incomplete."""


class StoreUnavailableError(CrosslightError, ConnectionError):
    """The vector store is locked by another process, full, or cannot be reached."""


class ClusterError(CrosslightError, ConnectionError):
    """The scheduler cannot be reached, or the workers were lost."""


class TrainingDivergedError(CrosslightError, ArithmeticError):
    """Training produced an infinite or undefined loss."""


def say_cause(error: Exception) -> str:
    """Return what an error of the system or of a library says, without its number and the file's name."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def say_count(n: int, noun: str) -> str:
    """Return "1 image", "2 images"."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def unknown_name(what: str, name: str, known: Mapping[str, object]) -> str:
    """Return the sentence for an unknown name: the closest match first, then all that exist."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {what} called {name!r}.{hint} Known: {', '.join(sorted(known))}."
