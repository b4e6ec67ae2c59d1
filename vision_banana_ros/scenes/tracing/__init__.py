"""The path tracer: scalar functions that Numba compiles for CPU threads and for CUDA from this one source.

    vectors, noise          arithmetic on float32 triples; hashes and value noise
    flat, curved, terrain    where a ray meets a part, each in the part's own frame
    shapes                  the switch over all kinds, and normals
    tree                    the bounding volume hierarchy and how rays walk it
    patterns                procedural colours
    rays                    pixels to directions, lenses included
    light                   sky, sun, lamps, one path
    passes                  what is done per pixel: labels, light, denoising, resolving edges, developing
    pack                    `Scene` to flat arrays
    cpu, gpu                who calls the passes for all pixels

Rules of this folder: no allocation, no exceptions, no Python objects; every literal that meets a float32 is F(...),
else Numba would compute in float64 (a test reads the generated code and finds no double).
"""
