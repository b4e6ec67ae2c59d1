"""The path tracer: scalar functions that Numba compiles for CPU threads and for CUDA from this one source.

    vectors, noise          arithmetic on float32 triples; hashes and value noise
    flat, curved, terrain    where a ray meets a part, each in the part's own frame
    shapes                  the switch over all kinds, and normals
    tree                    the bounding volume hierarchy and how rays walk it
    patterns                procedural colours
    rays                    pixels to directions, lenses included
    light                   sky, sun, lamps, one path
    film                    the images of a frame in the making
    trace, shade            first pass: labels, then light by its kinds
    denoise                 second pass: light averaged along surfaces
    resolve                 third pass: the linear picture, borders and fog included
    develop                 last pass: exposure and sRGB
    layout, pack            where things lie in the flat arrays; `Scene` to them
    cpu, gpu                who calls the passes for all pixels

A pass does one pixel of one frame. Shading is deferred: labels and light are taken at the pixel's centre, where they
agree exactly, so the denoiser may average light along surfaces and never across their borders. Only then are pixels on
borders split into four rays, which look up the light of the neighbour that shows the same part.

Rules of this folder: no allocation, no exceptions, no Python objects; every literal that meets a float32 is F(...),
else Numba would compute in float64 (a test reads the generated code and finds no double).
"""
