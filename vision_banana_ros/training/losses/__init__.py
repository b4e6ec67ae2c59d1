"""One file, one code: each compares painted canvases with the answer in its own code."""
