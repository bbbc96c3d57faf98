"""What every store checks before it writes or searches, so that all of them refuse and match the same."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from crosslight.errors import InputError
from crosslight.types import Entry, Histogram

Value = str | float | int | bool
MAX_WHOLE = 2**63  # whole numbers are stored in 64 bits
DECIMALS = 6  # of a similarity: equal vectors tie whatever the order of summation


def check_batch(entries: Sequence[Entry], vectors: Sequence[Histogram]) -> None:
    """Raise InputError unless every entry has a usable vector, name and metadata, and no name comes twice."""
    if len(entries) != len(vectors):
        raise InputError(f"There are {len(entries)} entries but {len(vectors)} vectors; give one vector per entry.")
    name, times = Counter(e.name for e in entries).most_common(1)[0] if entries else ("", 0)
    if times > 1:
        raise InputError(f"The batch holds the image {name!r} {times} times; give each name once.")
    for entry, vector in zip(entries, vectors, strict=True):
        check_entry(entry)
        check_vector(vector, f"image {entry.name!r}")


def check_entry(entry: Entry) -> None:
    """Raise InputError unless the entry can be stored and read back as it is."""
    if not entry.name:
        raise InputError("An image has an empty name; give every image a name.")
    if entry.mpp is not None and not math.isfinite(entry.mpp):
        raise InputError(f"The pixel size of image {entry.name!r} is {entry.mpp}; give a finite number or none.")
    for text in (entry.name, entry.path, entry.signature, *entry.metadata):
        _check_text(text, f"image {entry.name!r}")
    conditions(entry.metadata)


def check_vector(vector: Histogram, owner: str) -> None:
    """Raise InputError unless words are distinct and >= 0 and weights finite and >= 0; `owner` is for the message."""
    words, weights = np.asarray(vector.words), np.asarray(vector.counts)
    if words.ndim != 1 or words.shape != weights.shape:
        raise InputError(
            f"The histogram of {owner} has words of shape {words.shape} and weights of shape {weights.shape}; "
            "give two flat arrays of the same length."
        )
    if words.size and (words.dtype.kind not in "iu" or int(words.min()) < 0 or int(words.max()) >= 2**31):
        raise InputError(f"The histogram of {owner} has a word that is not a whole number from 0 to 2^31 - 1.")
    if np.unique(words).size != words.size:
        raise InputError(f"The histogram of {owner} names a word twice; add up the weights of equal words first.")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise InputError(f"The histogram of {owner} has a weight that is negative or not finite; give weights >= 0.")


def conditions(values: Mapping[str, Value]) -> list[str]:
    """Return one text per key and value such that equal texts mean equal keys and equal values of the same kind.

    Text, numbers and truth values are three kinds: "1", 1 and True all differ, 1 and 1.0 do not.

    Raises
    ------
    InputError
        If a key is no text, or a value is none of the three, infinite, or a whole number beyond 64 bits.
    """
    return [json.dumps([_check_text(key, "the metadata"), _plain(key, value)]) for key, value in values.items()]


def _plain(key: str, value: Value) -> Value:
    """Return the value as JSON writes it in one way only."""
    if isinstance(value, str):
        return _check_text(value, f"the metadata column {key!r}")
    if isinstance(value, int) and abs(value) < MAX_WHOLE:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < MAX_WHOLE else value
    raise InputError(
        f"The metadata column {key!r} has the value {value!r}; use text, true or false, or a finite number of 64 bits."
    )


def _check_text(text: object, owner: str) -> str:
    if not isinstance(text, str):
        raise InputError(f"{text!r} of {owner} is not text; write it as text.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"The text {text!r} of {owner} is not valid Unicode; rename it.") from None
    return text
