"""Pixels -> representation: the common image-like form of either modality."""
