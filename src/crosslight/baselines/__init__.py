"""Methods that replace the whole flow."""
