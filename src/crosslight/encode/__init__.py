"""Descriptors -> one vector per image."""
