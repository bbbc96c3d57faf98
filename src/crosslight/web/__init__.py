"""The index as a web page and a REST API."""
