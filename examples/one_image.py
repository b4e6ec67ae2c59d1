"""What one photograph shows: python examples/one_image.py photo.jpg --hfov 70

Writes photo_depth.png (16-bit millimetres, 0 invalid) beside it and prints what is where.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import vision_banana_ros as vb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--model", default="student")
    parser.add_argument("--classes", default="floor, wall, table, chair, person")
    parser.add_argument("--hfov", type=float, help="horizontal field of view in degrees, if you know it")
    args = parser.parse_args()

    bgr = cv2.imread(str(args.image))
    if bgr is None:
        raise SystemExit(f"{args.image} is no image that OpenCV can read")
    height, width = bgr.shape[:2]
    camera = vb.Camera.from_hfov(args.hfov, width, height) if args.hfov else None
    frame = vb.Frame(np.ascontiguousarray(bgr[..., ::-1]), camera=camera)

    asked = [
        vb.Instruction(vb.Task.DEPTH, hfov_deg=args.hfov),
        vb.Instruction(vb.Task.SEMANTIC, vb.parse_classes(args.classes), background=(0, 0, 0)),
    ]
    seen = vb.perceive(frame, vb.load_generator(args.model), asked)

    for number, label in enumerate(seen.labels):
        here = seen.mask == number
        known = here & np.isfinite(seen.depth_m)
        if known.any():
            print(f"{label:12} {here.mean():5.1%} of the picture, {np.median(seen.depth_m[known]):5.2f} m away")
    millimetres = np.where(np.isfinite(seen.depth_m), np.minimum(seen.depth_m * 1000, 65535), 0)
    out = args.image.with_name(f"{args.image.stem}_depth.png")
    cv2.imwrite(str(out), millimetres.astype(np.uint16))
    print(out)


if __name__ == "__main__":
    main()
