"""The flow: fit, index, search."""
