"""How many of each: python examples/instances_of_several_classes.py photo.jpg person chair

One instruction a class, all of a picture in one call of the generator. Numbers go on from one class to the next.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import vision_banana_ros as vb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("classes", nargs="+")
    parser.add_argument("--model", default="student")
    args = parser.parse_args()

    bgr = cv2.imread(str(args.image))
    if bgr is None:
        raise SystemExit(f"{args.image} is no image that OpenCV can read")
    frame = vb.Frame(np.ascontiguousarray(bgr[..., ::-1]))
    asked = [vb.Instruction(vb.Task.INSTANCE, (vb.Target(name),), background=(0, 0, 0)) for name in args.classes]
    seen = vb.perceive(frame, vb.load_generator(args.model), asked)

    for name in args.classes:
        print(f"{name}: {seen.instance_labels.count(name)}")
    for number, name in enumerate(seen.instance_labels, start=1):
        rows, columns = np.nonzero(seen.instances == number)
        print(f"  {number:3} {name:12} {rows.size:6} pixels around ({columns.mean():.0f}, {rows.mean():.0f})")
    for missing in seen.unanswered:
        print(missing.why)


if __name__ == "__main__":
    main()
