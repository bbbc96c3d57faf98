"""Shortlist -> hits."""
