"""Standard sets as they are published: each file says the layout, the formats and the traps of one, with sources.

Readers give what the files hold; which part of it counts (crops, caps) is the protocol's (evaluation/protocols).
Nothing is downloaded. Sources are named by repository; docs/benchmarks.md lists them with where to get each set.
"""
