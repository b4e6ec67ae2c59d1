"""Work on many machines, by an existing engine: Ray. Imported only where it is asked for."""
