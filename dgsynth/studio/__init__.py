"""A page in the browser, served on this machine only: a table in, a model trained and judged, samples out."""
