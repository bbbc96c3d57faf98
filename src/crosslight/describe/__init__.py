"""Representation -> descriptors: where, and what."""
