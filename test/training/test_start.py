"""What training starts from: an exported model comes back whole, and settled normalisations change nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vision_banana_ros.core import DataError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.student.encoder import MobileNetV2, normalise
from vision_banana_ros.student.graph import to_onnx, write_onnx
from vision_banana_ros.student.network import Student, StudentConfig
from vision_banana_ros.training.batch import Batch, collate
from vision_banana_ros.training.config import View
from vision_banana_ros.training.exported import load_exported, read_weights
from vision_banana_ros.training.losses.total import total_loss
from vision_banana_ros.training.norms import learn, settled_norms
from vision_banana_ros.training.questions import QuestionMaker
from vision_banana_ros.training.start import start_from
from vision_banana_ros.training.views import random_view


def looks(make_sample, text, count: int = 3) -> list[Batch]:
    rng = np.random.default_rng(5)
    maker = QuestionMaker(rng)
    batches = []
    for first in range(count):
        samples = [random_view(make_sample(4 * first + i), View(width=64, height=64), rng) for i in range(4)]
        batches.append(collate(samples, [maker.ask(sample, 3) for sample in samples], text))
    return batches


def lived_in(seed: int) -> Student:
    """A network whose normalisations have seen something, as a trained one's have."""
    torch.manual_seed(seed)
    student = Student()
    for norm in student.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.2, 0.2)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.2, 0.2)
    return student.eval()


def test_an_exported_student_learns_on_where_it_stood(make_sample, text, tmp_path) -> None:
    trained, again = lived_in(1), Student()
    write_onnx(trained, tmp_path / "student.onnx", width=64, height=64)
    batches = looks(make_sample, text)
    start_from(again, tmp_path / "student.onnx", batches)
    with torch.no_grad():
        for batch in batches:
            wanted, got = (network.eval()(batch.image, batch.boxes) for network in (trained, again))
            assert torch.allclose(wanted.canvas, got.canvas, atol=2e-3)
            assert torch.allclose(wanted.logits, got.logits, atol=2e-3 * float(wanted.logits.abs().max()))
    # all normalisations know what comes in: normalising a batch by itself changes little
    before = again.encoder(normalise(batches[0].image))[-1]
    with torch.no_grad():
        after = again.train().encoder(normalise(batches[0].image))[-1]
    assert float((after - before).abs().mean()) < 0.5 * float(before.abs().mean())


def test_training_goes_on_from_the_model_that_ships(make_sample, text) -> None:
    student = Student()
    start_from(student, Path("student"), looks(make_sample, text, 1))
    again = to_onnx(student.eval(), width=64, height=64)
    # other statistics, the same network: sizes and names of all that is stored
    assert len(again) == pytest.approx((SHIPPED_STUDENT / "student.fp32.onnx").stat().st_size, rel=0.01)
    words = student.reader.words.bias.detach()
    stored = read_weights(SHIPPED_STUDENT / "student.fp32.onnx")["reader.words.bias"]
    assert torch.equal(words, torch.from_numpy(stored.copy()))


def test_the_exported_weights_are_exact(tmp_path) -> None:
    trained, again = lived_in(2), Student()
    write_onnx(trained, tmp_path / "a.onnx", width=64, height=64)
    load_exported(again, tmp_path / "a.onnx")
    assert to_onnx(again.eval(), width=64, height=64) == (tmp_path / "a.onnx").read_bytes()


def test_filters_that_folding_made_tiny_get_their_length_back(make_sample, text, tmp_path) -> None:
    """Steps of a usual rate would overwrite them otherwise."""
    trained, plain, again = lived_in(3), Student(), Student()
    with torch.no_grad():  # a map 200 times as large as usual, and a normalisation that knows it
        trained.trunk.above[0].weight.mul_(200)
        trained.trunk.beside[0].weight.mul_(200)
        trained.trunk.mix[0][1].running_var.mul_(200**2)
    write_onnx(trained, tmp_path / "student.onnx", width=64, height=64)
    load_exported(plain, tmp_path / "student.onnx")
    batches = looks(make_sample, text, 1)
    start_from(again, tmp_path / "student.onnx", batches)

    def length(student: Student) -> torch.Tensor:
        return student.trunk.mix[0][0].weight.detach().flatten(1).norm(dim=1)

    assert length(plain).max() < 0.02
    assert torch.allclose(length(again), torch.ones(()), atol=1e-4)
    with torch.no_grad():
        wanted, got = (network.eval()(batches[0].image, batches[0].boxes).canvas for network in (trained, again))
    assert torch.allclose(wanted, got, atol=2e-3)


def test_another_student_is_refused(tmp_path) -> None:
    write_onnx(Student(StudentConfig(context=64)).eval(), tmp_path / "small.onnx", width=64, height=64)
    with pytest.raises(DataError, match="a student of this version"):
        load_exported(Student(), tmp_path / "small.onnx")


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_other_files_are_refused(tmp_path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.onnx"):
        load_exported(Student(), tmp_path / "x.onnx")


def test_a_folder_without_a_model_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json"):
        start_from(Student(), tmp_path, ())


def test_training_starts_from_known_files_only(tmp_path) -> None:
    with pytest.raises(DataError, match=r"\.tflite"):
        start_from(Student(), Path(tmp_path / "weights.h5"), ())


def test_settled_norms_change_nothing_and_then_hold_the_scale() -> None:
    torch.manual_seed(2)
    plain, settled = MobileNetV2().eval(), MobileNetV2()
    with torch.no_grad():  # features as large as trained ones
        for conv in plain.convolutions():
            conv.weight.mul_(2.5)
    settled.load_state_dict(plain.state_dict())
    rgb = torch.randint(0, 256, (6, 3, 64, 96))
    image = normalise(rgb)
    with settled_norms(settled):
        settled(image[:4])
        settled(image[4:])
    assert settled.training
    with torch.no_grad():
        before = plain(image)
        for a, b in zip(before, settled.eval()(image), strict=True):
            assert torch.allclose(a, b, rtol=1e-2, atol=1e-3 * float(a.abs().max()))
        # weights that grow, as they did in training, no longer reach the activations
        for grown in (plain, settled.train()):
            for block in grown.blocks[6:]:
                block.look.weight.mul_(30)
        assert (plain(image)[-1] - before[-1]).abs().max() > 1
        assert torch.allclose(settled(image)[-1], before[-1], rtol=0.1, atol=0.05 * float(before[-1].abs().max()))


def test_frozen_norms_keep_their_statistics_and_learn_all_the_same(make_sample, text) -> None:
    student, batch = lived_in(3), looks(make_sample, text, 1)[0]

    def norms() -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in student.state_dict().items() if "norm" in name}

    before = norms()
    learn(student, frozen_norms=True)
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1)
    total_loss(student(batch.image, batch.boxes), batch).total.backward()
    optimiser.step()
    after = norms()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.endswith(".weight") for name in moved)
    assert not [name for name in moved if "running" in name or "batches" in name]
    learn(student, frozen_norms=False)
    student(batch.image, batch.boxes)
    assert not torch.equal(norms()["context.2.norm.running_mean"], after["context.2.norm.running_mean"])
