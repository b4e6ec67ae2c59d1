"""A camera, live: python examples/webcam.py 0            (or a video file in place of the camera's number)

A Perceiver keeps from frame to frame what one picture alone does not tell: whose camera it is, and the scale of depth
where the camera's height above the floor is known (--height).
"""

import argparse
import time

import cv2
import numpy as np

import vision_banana_ros as vb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="the number of a camera, or a video file")
    parser.add_argument("--model", default="student")
    parser.add_argument("--hfov", type=float, default=0.0, help="horizontal field of view in degrees; 0: recover it")
    parser.add_argument("--height", type=float, default=0.0, help="of the camera above the floor, metres; 0: unknown")
    args = parser.parse_args()

    capture = cv2.VideoCapture(int(args.source) if args.source.isdigit() else args.source)
    if not capture.isOpened():
        raise SystemExit(f"{args.source} cannot be opened: a camera's number, or a video file")
    perceiver = vb.Perceiver(vb.load_generator(args.model))
    settings = vb.PerceiverSettings(hfov_deg=args.hfov, camera_height_m=args.height)
    asked = [vb.Instruction(vb.Task.DEPTH)]

    frames, start = 0, time.monotonic()
    try:
        while True:
            ok, bgr = capture.read()
            if not ok:
                break
            frame = vb.Frame(np.ascontiguousarray(bgr[..., ::-1]), stamp_ns=time.time_ns())
            sight = perceiver.see(frame, asked, settings, wants_camera=True)
            frames += 1
            depth_m = sight.perception.depth_m
            middle = depth_m[depth_m.shape[0] // 2 - 8 :][:16, depth_m.shape[1] // 2 - 8 :][:, :16]
            lens = sight.perception.camera
            print(
                f"{frames:5}  {frames / (time.monotonic() - start):5.1f} Hz  ahead {np.nanmedian(middle):5.2f} m  "
                f"{'no camera' if lens is None else f'{lens.hfov_deg:.0f} degrees {sight.camera_source}'}"
            )
    except KeyboardInterrupt:
        pass
    print(f"{frames} frames")


if __name__ == "__main__":
    main()
