"""How good a model is on your frames: python examples/score_a_folder.py DIR --model student

DIR holds rgb/NAME.png and what you know of each: depth/NAME.png (16-bit millimetres), normal/, label/, instance/.
`vision-banana eval frames --root DIR` does the same, with pictures and more choices.
"""

import argparse
from pathlib import Path

import vision_banana_ros as vb
from vision_banana_ros.data import open_dataset
from vision_banana_ros.evaluation.report import beats_baselines, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="student")
    args = parser.parse_args()

    dataset = open_dataset(args.folder)
    generator = vb.load_generator(args.model)
    scores = vb.evaluate(dataset, generator, root=str(args.folder), model=args.model)
    print(report(scores))
    lost = beats_baselines(scores)
    print("beats every baseline" if not lost else f"does not beat: {', '.join(lost)}")


if __name__ == "__main__":
    main()
