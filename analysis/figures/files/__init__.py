"""A picture as files: formats, sidecar, ZIP, captions, LaTeX, and what must not stand in them."""
