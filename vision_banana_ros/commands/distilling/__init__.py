"""The steps of `vision-banana distill`, one file each."""
