"""The papers' metrics against independent implementations: SciPy, pycocotools, torchmetrics, and plain loops."""

import math

import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation
from torchmetrics.classification import BinaryJaccardIndex, BinaryMatthewsCorrCoef
from torchmetrics.regression import MeanAbsolutePercentageError

from vision_banana_ros.core import Camera, Canvas, Frame, Referring, Truth
from vision_banana_ros.data import Example, Source
from vision_banana_ros.evaluation.protocols import depth as depths
from vision_banana_ros.evaluation.protocols import normals
from vision_banana_ros.evaluation.protocols.concepts import SubsetTally, best_annotator, count_pair, iou_table
from vision_banana_ros.evaluation.protocols.depth import PROTOCOLS, DepthProtocol, DepthTally
from vision_banana_ros.evaluation.protocols.masks import ReferringScorer, SemanticScorer
from vision_banana_ros.evaluation.protocols.normals import PER_IMAGE, POOLED, NormalTally


def rows(scores, pooling: str) -> dict[str, float]:
    return {score.metric: score.value for score in scores if pooling in score.pooling}


# ---- depth


@pytest.mark.parametrize(
    ("crop", "hw", "expected"),
    [
        (depths.eigen_nyu, (480, 640), (45, 471, 41, 601)),
        (depths.garg, (375, 1242), (153, 371, 44, 1197)),
        (depths.garg, (352, 1216), (143, 349, 43, 1172)),
        (depths.eigen_kitti, (375, 1242), (124, 342, 44, 1197)),
        (depths.eigen_kitti, (352, 1216), (117, 321, 43, 1172)),
        (depths.after_kb(depths.garg), (375, 1242), (23 + 143, 23 + 349, 13 + 43, 13 + 1172)),
        (depths.whole, (7, 9), (0, 7, 0, 9)),
    ],
)
def test_crops_are_those_of_the_papers(crop, hw, expected) -> None:
    rows_, columns = crop(*hw)
    assert (rows_.start, rows_.stop, columns.start, columns.stop) == expected


def test_the_nyu_crop_has_as_many_pixels_as_published() -> None:
    tally = DepthTally(PROTOCOLS["nyuv2"][0])
    assert tally.add(np.ones((480, 640), np.float32), np.ones((480, 640), np.float32))
    assert tally.pixels == 238_560
    assert {score.counted for score in tally.scores()} == {238_560}


@pytest.mark.parametrize("seed", range(4))
def test_delta1_and_absrel_in_both_poolings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tally = DepthTally(DepthProtocol(name="x", nearest_m=0.5, farthest_m=8))
    shares, errors, all_p, all_t = [], [], [], []
    for share_known in (0.9, 0.1, 0.5):
        truth = rng.uniform(0.1, 12, (700, 9)).astype(np.float32)  # more rows than a block
        truth[rng.random(truth.shape) > share_known] = np.nan
        predicted = (truth * rng.uniform(0.6, 1.6, truth.shape)).astype(np.float32)
        assert tally.add(np.nan_to_num(predicted), truth)
        kept = [(float(p), float(t)) for p, t in zip(predicted.flat, truth.flat, strict=True) if 0.5 < t < 8]
        hits = sum(1 for p, t in kept if max(p / t, t / p) < 1.25)
        shares.append(hits / len(kept))
        p, t = (torch.tensor(side, dtype=torch.float64) for side in zip(*kept, strict=True))
        errors.append(float(MeanAbsolutePercentageError()(p, t)))
        all_p.append(p)
        all_t.append(t)
    per_image, pooled = rows(tally.scores(), "mean over images"), rows(tally.scores(), "one pool")
    assert per_image["delta1"] == pytest.approx(np.mean(shares))
    assert per_image["AbsRel"] == pytest.approx(np.mean(errors), rel=1e-5)
    p, t = torch.cat(all_p), torch.cat(all_t)
    assert pooled["AbsRel"] == pytest.approx(float(MeanAbsolutePercentageError()(p, t)), rel=1e-5)
    assert pooled["delta1"] == pytest.approx(float((torch.maximum(p / t, t / p) < 1.25).double().mean()))
    assert abs(pooled["delta1"] - per_image["delta1"]) > 1e-6, "sparse frames weigh less in the pool"


def test_what_is_missing_is_a_miss_and_never_left_out() -> None:
    truth = np.full((2, 4), 2.0, np.float32)
    predicted = np.array([[2, np.nan, -2, 0], [np.inf, 2.5, 1.5, 1.7]], np.float32)
    tally = DepthTally(DepthProtocol(name="x", farthest_m=10))
    tally.add(predicted, truth)
    scores = rows(tally.scores(), "mean over images")
    assert scores["delta1"] == pytest.approx(2 / 8), "2.5 lies on the limit, which is strict"
    assert scores["AbsRel"] == pytest.approx((0 + 1 + 1 + 1 + 4 + 0.25 + 0.25 + 0.15) / 8, abs=1e-6)
    assert rows(tally.scores(), "one pool")["coverage"] == pytest.approx(5 / 8), "inf says that it is far"
    clipped = DepthTally(DepthProtocol(name="x", nearest_m=1.9, farthest_m=2.1, clip=True))
    clipped.add(predicted, truth)
    assert rows(clipped.scores(), "mean over images")["delta1"] == 1


def test_the_prediction_is_brought_to_the_truths_size_by_blending() -> None:
    small = np.array([[1, 3], [5, 7]], np.float32)
    large = depths.at_size(small, (4, 4))
    assert large[0].tolist() == [1, 1.5, 2.5, 3]
    assert large[:, 0].tolist() == [1, 2, 4, 5]
    holed = depths.at_size(np.array([[1, np.nan, 3, np.inf]], np.float32), (2, 8))
    assert np.isnan(holed[0, 1:4]).any()
    assert not np.isnan(holed[0, 5:]).any()
    assert holed[0, 6] > 1e5
    turned = normals.at_size(np.array([[(1, 0, 0), (0, 0, -1)]], np.float32), (1, 4))
    assert np.linalg.norm(turned, axis=-1) == pytest.approx(1)
    assert turned[0, 1] == pytest.approx(np.array((0.75, 0, -0.25)) / math.hypot(0.75, 0.25))


# ---- normals


@pytest.mark.parametrize("seed", range(3))
def test_angles_in_both_poolings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tally, images = NormalTally(), []
    for known in (2000, 90, 600):
        truth = rng.normal(size=(3000, 3))
        truth /= np.linalg.norm(truth, axis=-1, keepdims=True)
        axis = np.cross(truth, rng.normal(size=(3000, 3)))
        axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
        angle = rng.gamma(2, 8, 3000).clip(0, 179)
        predicted = Rotation.from_rotvec(axis * np.radians(angle)[:, None]).apply(truth)
        truth[known:] = np.nan
        assert tally.add(predicted.astype(np.float32)[None], truth.astype(np.float32)[None])
        images.append(angle[:known])
    pool = np.concatenate(images)
    pooled, per_image = rows(tally.scores(), POOLED), rows(tally.scores(), PER_IMAGE)
    assert pooled["mean deg"] == pytest.approx(pool.mean(), abs=1e-3)
    assert pooled["median deg"] == pytest.approx(np.median(pool), abs=0.01)
    assert pooled["<11.25"] == pytest.approx((pool < 11.25).mean(), abs=1e-3)
    assert per_image["mean deg"] == pytest.approx(np.mean([i.mean() for i in images]), abs=1e-3)
    assert per_image["median deg"] == pytest.approx(np.mean([np.median(i) for i in images]), abs=1e-3)
    assert per_image["<7.5"] == pytest.approx(np.mean([(i < 7.5).mean() for i in images]), abs=1e-3)
    assert {score.counted for score in tally.scores()} == {2690}


def test_the_pooled_median_of_a_wide_spread_is_exact_to_a_bin() -> None:
    tally = NormalTally()
    angles = np.radians(np.array([[10.0, 10.0, 90.0, 100.0, 170.0, 179.9]]))
    predicted = np.stack([np.sin(angles), 0 * angles, -np.cos(angles)], axis=-1).astype(np.float32)
    tally.add(predicted, np.broadcast_to(np.float32((0, 0, -1)), predicted.shape))
    median = rows(tally.scores(), POOLED)["median deg"]
    assert 90 - 0.01 <= median <= 100 + 0.01
    assert not tally.add(predicted, np.full_like(predicted, np.nan))
    assert {score.images for score in tally.scores()} == {1}


# ---- concepts


def theirs(pairs) -> tuple[float, float, float]:
    """cgF1, IL_MCC, pmF1 written anew over pycocotools' IoUs and SciPy's matching."""
    thresholds = np.linspace(0.5, 0.95, 10)
    sums, true_presence, seen_presence = np.zeros((3, 10)), [], []
    for annotators, painted in pairs:
        options = []
        for true in annotators:
            g = [coco.encode(np.asfortranarray(m.astype(np.uint8))) for m in true]
            d = [coco.encode(np.asfortranarray(m.astype(np.uint8))) for m in painted]
            if not g and not d:
                options = [(None, np.zeros((3, 10)), False)]
                break
            matched = np.zeros(0)
            if g and d:
                iou = coco.iou(d, g, [0] * len(g))
                matched = iou[linear_sum_assignment(-iou)]
            tp = np.array([(matched >= t).sum() for t in thresholds])
            fp, fn = len(d) - tp, len(g) - tp
            p, r = tp / (tp + fp + 1e-4), tp / (tp + fn + 1e-4)
            options.append(((2 * p * r / (p + r + 1e-4)).mean(), np.stack([tp, fp, fn]), bool(g)))
        best = options[0]
        for option in options[1:]:
            if option[0] > best[0]:
                best = option
        true_presence.append(best[2])
        seen_presence.append(bool(painted))
        if best[2]:
            sums += best[1]
    tp, fp, fn = sums
    p, r = tp / (tp + fp + 1e-4), tp / (tp + fn + 1e-4)
    f = 2 * p * r / (p + r + 1e-4)
    mcc = float(BinaryMatthewsCorrCoef()(torch.tensor(seen_presence).int(), torch.tensor(true_presence).int()))
    return float((f * mcc).mean()), mcc, float(f.mean())


def boxes(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """May overlap each other."""
    masks = []
    for _ in range(count):
        top, left = rng.integers(0, 18, 2)
        mask = np.zeros((28, 33), bool)
        mask[top : top + rng.integers(3, 10), left : left + rng.integers(3, 14)] = True
        masks.append(mask)
    return masks


def as_map(masks: list[np.ndarray]) -> np.ndarray:
    """Ids 1.., one after the other; masks that are covered whole vanish."""
    ids = np.zeros((28, 33), np.uint16)
    for number, mask in enumerate(masks, 1):
        ids[mask] = number
    kept = np.unique(ids[ids > 0])
    table = np.zeros(len(masks) + 1, np.uint16)
    table[kept] = np.arange(1, len(kept) + 1)
    return table[ids]


@pytest.mark.parametrize("seed", range(6))
def test_cgf1_mcc_and_pmf1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs, tally = [], SubsetTally()
    for _ in range(60):
        true = boxes(rng, int(rng.choice([0, 0, 1, 2, 4])))
        annotators = [true, [m for m in true if rng.random() < 0.7], [np.roll(m, 1, axis=0) for m in true]]
        wanted = true + boxes(rng, int(rng.choice([0, 0, 0, 1])))
        ids = as_map([np.roll(m, rng.integers(-1, 2), axis=1) for m in wanted if rng.random() < 0.9])
        count = int(ids.max())
        tally.add(best_annotator([count_pair(iou_table(one, ids, count)) for one in annotators]))
        pairs.append((annotators, [ids == n for n in range(1, count + 1)]))
    assert tally.values() == pytest.approx(theirs(pairs), abs=1e-5)
    assert tally.pairs == 60


def test_one_perfect_thing_and_a_subset_without_negatives() -> None:
    ids = as_map(boxes(np.random.default_rng(0), 1))
    tally = SubsetTally()
    tally.add(count_pair(iou_table([ids == 1], ids, 1)))
    cg, mcc, pm = tally.values()
    assert pm == pytest.approx(0.99985, abs=1e-5)
    assert cg == mcc == 0


def test_the_annotator_is_chosen_by_pair_and_who_saw_nothing_first() -> None:
    nothing = count_pair(np.zeros((0, 0)))
    missed, found, equal = count_pair(np.zeros((1, 0))), count_pair(np.array([[0.9]])), count_pair(np.array([[0.9]]))
    assert best_annotator([missed, nothing]) is nothing
    assert best_annotator([count_pair(np.array([[0.6]])), found, equal]) is found
    invented = count_pair(np.zeros((0, 2)))
    tally = SubsetTally()
    tally.add(invented)
    tally.add(found)
    assert tally.presence == {"TP": 1, "TN": 0, "FP": 1, "FN": 0}
    assert tally.fp.sum() == 1, "what is painted where nothing is counts for presence alone"


# ---- regions and classes


class Painter:
    """White where `answers` says, in the order of the questions; class masks in the colours asked for."""

    def __init__(self, answers) -> None:
        self.answers = list(answers)

    def generate(self, _frame, instructions):
        canvases = []
        for instruction in instructions:
            answer = self.answers.pop(0)
            colors = np.array([instruction.background or (0, 0, 0), *(t.color for t in instruction.targets)], np.uint8)
            canvases.append(Canvas(colors[answer], instruction))
        return canvases


def example(truth: Truth, name: str = "x") -> Example:
    return Example(name, Frame(np.zeros((truth.camera.height, truth.camera.width, 3), np.uint8)), truth, Source("made"))


@pytest.mark.parametrize("seed", range(3))
def test_ciou_and_giou_of_expressions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = Camera.from_hfov(60, 24, 16)
    items, answers, expected, sums = [], [], [], np.zeros(2)
    for size in (3, 9, 14):
        instances = np.zeros((16, 24), np.uint16)
        instances[1 : 1 + size, 2 : 2 + size] = 1
        instances[8:, 18:] = 2
        asked = (Referring("a", (1,)), Referring("b", (2,)), Referring("both", (1, 2)), Referring("none", (7,)))
        items.append(example(Truth(camera=camera, instances=instances, referring=asked)))
        for expression in asked:
            region = np.isin(instances, expression.instance_ids)
            answer = np.roll(region, rng.integers(-2, 3), axis=0)
            answers.append(answer.astype(int))
            iou = BinaryJaccardIndex()(torch.from_numpy(answer).int(), torch.from_numpy(region).int())
            expected.append(float(iou) if region.any() or answer.any() else 1.0)
            sums += (region & answer).sum(), (region | answer).sum()
    scorer, painter = ReferringScorer("RefCOCOg UMD"), Painter(answers)
    assert all(scorer.add(item, painter) for item in items)
    values = {score.metric: score for score in scorer.scores()}
    assert values["cIoU"].value == pytest.approx(sums[0] / sums[1])
    assert values["gIoU"].value == pytest.approx(np.mean(expected), abs=1e-5)
    assert (values["gIoU"].images, values["gIoU"].counted, values["gIoU"].unit) == (3, 12, "samples")


def test_ignored_pixels_count_for_nobody() -> None:
    instances = np.zeros((16, 24), np.uint16)
    instances[:8] = 1
    mask = np.where(instances == 1, 1, 0).astype(np.uint8)
    mask[6:10] = 255
    truth = Truth(
        camera=Camera.from_hfov(60, 24, 16),
        instances=instances,
        mask=mask,
        labels=("rest", "target"),
        referring=(Referring("q", (1,)),),
    )
    answer = np.zeros((16, 24), int)
    answer[:10] = 1  # wrong where ignored alone
    scorer = ReferringScorer("ReasonSeg")
    scorer.add(example(truth), Painter([answer]))
    assert {s.metric: s.value for s in scorer.scores()}["cIoU"] == 1


def test_cityscapes_counts_false_positives_on_counted_pixels_alone() -> None:
    truth_mask = np.full((8, 12), 255, np.uint8)
    truth_mask[:4], truth_mask[4:6] = 0, 1
    truth = Truth(camera=Camera.from_hfov(60, 12, 8), mask=truth_mask, labels=("road", "car", "sky"))
    answer = np.full((8, 12), 2)  # targets count from 1: road 1, car 2, sky 3
    answer[:3] = 1
    scorer = SemanticScorer()
    assert scorer.add(example(truth), Painter([answer]))
    values = {s.metric: s.value for s in scorer.scores()}
    assert values["IoU road"] == pytest.approx(36 / 48)
    assert values["IoU car"] == pytest.approx(24 / 36), "the two rows below have no truth: no false positives"
    assert math.isnan(values["IoU sky"])
    assert values["mIoU"] == pytest.approx((36 / 48 + 24 / 36) / 2)
    assert {s.counted for s in scorer.scores()} == {72}
    nothing = Truth(camera=truth.camera, mask=np.full((8, 12), 255, np.uint8), labels=truth.labels)
    assert not scorer.add(example(nothing), Painter([answer]))
