"""The commands of `vision-banana`, one module each: `add_arguments(parser)` and `run(args) -> exit code`."""

COMMANDS: dict[str, str] = {
    "bag": "see a ROS 2 bag: the node's topics into a new bag, without ROS",
    "bench": "measure codecs, world and node on this machine, side by side with what they replace",
    "demo": "play the bundled clip through real camera and perception processes and score it",
    "distill": "recordings and teachers in, a student that knows your place out: label, train, judge, pack",
    "engine": "build, check, describe and time what runs a model on this machine",
    "eval": "score a model on frames with truth, beside the baselines that it must beat",
    "export": "write a trained network as files for every runtime, and check them here",
    "gates": "the fixed battery of gates: a student beside the one that ships, frame by frame",
    "image": "depth, normals, mask and cloud of image files",
    "models": "known models: list, fetch, describe, and check whether one tells the truth here",
    "label": "teacher labels of your own recordings: bags, videos, folders of images",
    "pack": "judge a training run on real frames and write the model that may ship",
    "render": "render frames of the procedural world with exact labels into shards",
    "train": "train the student on shards and real frames, or go on where a run stopped",
    "tune": "tune an image editor to the paper's prompts, and see beforehand what can come of it",
    "video": "see a film or a camera: side by side, depth, per-frame files",
    "view": "look at what is seen in rerun: saved, live, or in a browser",
    "report": "a page of what a model sees in your pictures, to read and to send",
}
