"""The procedural world: places, cameras, a path tracer, exact labels. Importing this package needs no Numba."""
