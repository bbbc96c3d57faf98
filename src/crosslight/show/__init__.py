"""Values -> pictures and pages for people."""
