"""What `vision-banana bench` measures: one module per area, each with `measure() -> list[Row]`."""
