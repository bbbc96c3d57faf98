"""Vectors -> shortlist, and what else an index keeps on disk."""
