"""OneFormer, RF-DETR, Sapiens2 and Florence-2 by transformers' own classes: what they say, in our canvases."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

from vision_banana_ros.core import Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings

Tiny = Callable[[str], Path]
PLAIN = DecodeSettings(filter_flying_pixels=False)
RED, GREEN = (255, 0, 0), (0, 255, 0)
BLACK = (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "seen", "unseen"), [("oneformer", "swivel chair", "person"), ("rf_detr", "person", "floor")]
)
def test_one_thing_fills_the_picture_and_other_words_paint_nothing(
    tiny: Tiny, frame: Frame, name: str, seen: str, unseen: str
) -> None:
    generator = load_generator(f"hf:{tiny(name)}")
    classes = Instruction(Task.SEMANTIC, (Target(unseen, RED), Target(seen, GREEN)), background=BLACK)
    things = [Instruction(Task.INSTANCE, (Target(word),), background=BLACK) for word in (seen, unseen)]
    found = perceive(frame, generator, [classes, *things], PLAIN)
    assert (found.mask == 2).all()
    instances = [answer.layers["instances"] for answer in found.answers[1:]]
    assert np.unique(instances[0]).tolist() == [1]
    assert not instances[1].any()


def test_oneformer_is_told_its_task(tiny: Tiny) -> None:
    """In the tokens of its own checkpoint, padded to its own length."""
    generator: Any = load_generator(f"hf:{tiny('oneformer')}")
    tokenizer = generator._checkpoint.processor("AutoTokenizer")
    assert generator._tokens.shape == (1, 24)
    assert tokenizer.decode(generator._tokens[0], skip_special_tokens=True).replace(" ", "") == "thetaskispanoptic"


def test_sapiens2_points_where_its_head_says(tiny: Tiny, frame: Frame) -> None:
    """(0, 3, -4) / 5, at the frame's size."""
    seen = perceive(frame, load_generator(f"hf:{tiny('sapiens2')}"), [Instruction(Task.NORMALS)], PLAIN)
    assert seen.normals is not None
    assert seen.normals.shape == (48, 65, 3)
    np.testing.assert_allclose(seen.normals.reshape(-1, 3).mean(0), (0.0, 0.6, -0.8), atol=0.01)


def test_the_polygon_that_florence_writes_is_the_region(tiny: Tiny, frame: Frame) -> None:
    """x from 200.5 to 600.5 and y from 250.5 to 750.5 thousandths of 65 x 48."""
    generator = load_generator(f"hf:{tiny('florence2')}")
    asked = Instruction(Task.REFERRING, (Target("the cup on the left", RED),), background=BLACK)
    region = perceive(frame, generator, [asked], PLAIN).referring
    rows, columns = np.nonzero(region == 1)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (13, 39, 12, 36)
    assert (region == 1).sum() == 27 * 25


def test_florence_is_asked_in_its_own_words(tiny: Tiny, frame: Frame) -> None:
    """One pass a phrase; the picture's places stand before the words."""
    generator: Any = load_generator(f"hf:{tiny('florence2')}")
    said: list[str] = []
    write = generator._model.generate

    def listen(**given: Any) -> Any:
        said.append(generator._processor.batch_decode(given["input_ids"], skip_special_tokens=False)[0])
        return write(**given)

    generator._model.generate = listen
    words = (Target("door", RED), Target("the red cup", GREEN))
    generator.generate(frame, [Instruction(Task.REFERRING, words, background=BLACK)])
    assert [text.removeprefix("<image>" * 17) for text in said] == [
        "<s>Locate door in the image with mask</s>",
        "<s>Locate the red cup in the image with mask</s>",
    ]


@pytest.mark.parametrize(
    ("name", "architecture", "complaint"),
    [
        ("rf_detr", "RfDetrForObjectDetection", "finds boxes and cuts no masks: take the same family's checkpoint"),
        ("sapiens2", "Sapiens2ForPoseEstimation", "is Sapiens2ForPoseEstimation, of which nothing is painted here"),
    ],
)
def test_a_head_that_paints_nothing_is_refused(
    tiny: Tiny, tmp_path: Path, name: str, architecture: str, complaint: str
) -> None:
    folder = Path(shutil.copytree(tiny(name), tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": [architecture]}))
    with pytest.raises(GeneratorError, match=complaint) as refused:
        load_generator(f"hf:{folder}")
    assert "\n" not in str(refused.value)
