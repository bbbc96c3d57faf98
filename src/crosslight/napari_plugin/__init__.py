"""The plugin for napari: search with a layer, lay the query over the hit."""
