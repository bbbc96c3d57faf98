"""What is served: pages for people, and the REST API by resource."""
