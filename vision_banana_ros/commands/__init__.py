"""The commands of `vision-banana`, one module each: `add_arguments(parser)` and `run(args) -> exit code`."""

COMMANDS: dict[str, str] = {
    "bench": "measure codecs, world and node on this machine, side by side with what they replace",
    "demo": "play the bundled clip through real camera and perception processes and score it",
    "distill": "judge a training run on real frames and write the model that may ship",
    "engine": "build, check, describe and time what runs a model on this machine",
    "eval": "score a model on frames with truth, beside the baselines that it must beat",
    "export": "write a trained network as files for every runtime, and check them here",
    "gates": "the fixed battery of gates: a student beside the one that ships, frame by frame",
    "image": "depth, normals, mask and cloud of image files",
    "render": "render frames of the procedural world with exact labels into shards",
    "train": "train the student on shards and real frames, or go on where a run stopped",
}
