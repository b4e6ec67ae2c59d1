"""One file, one code: encode and decode side by side."""
