"""Path -> pixels. File formats are known only here."""
