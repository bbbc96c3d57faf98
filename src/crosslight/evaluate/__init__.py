"""Hits + truth -> tables, plots and a report."""
