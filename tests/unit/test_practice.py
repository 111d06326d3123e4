"""The record of a defense's own poisons: it says what happened, is small, and leaves the training as it is."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.adversarial_poisoning import AdversarialPoisoning, _Poisoning
from core.defenses.base import Session
from core.defenses.practice import NOBODY, Practice, PracticeRecord
from core.models.base import Net
from core.spec import Training
from core.train.epochs import spread
from core.train.loop import build, on_device, train

SIZE, POISONS = 20, 12
PROXIES = ("gradient_matching", "finite_difference", "last_layer", "feature_matching", "trigger", "noise")
PLAIN = Training(epochs=3, batch_size=SIZE, shift=0)


def hooks_of(data: ImageSet, record: PracticeRecord | None, **settings: Any) -> _Poisoning:
    images, labels = on_device(data.images, "cpu"), on_device(data.labels, "cpu")
    session = Session(images, labels, len(data.class_names), PLAIN, False, 0)
    hooks = AdversarialPoisoning(**{"part": POISONS / SIZE, "steps": 3, **settings}).hooks(session)
    assert isinstance(hooks, _Poisoning)
    hooks.record = record
    return hooks


def fresh(data: ImageSet) -> Net:
    return build(registry.load("models", "small_cnn")(width=4), data, 0, "cpu")


def trained(data: ImageSet, record: PracticeRecord | None, **settings: Any) -> Net:
    net = fresh(data)
    train(net, data, PLAIN, seed=0, device="cpu", hooks=hooks_of(data, record, **settings))
    return net


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    net = fresh(tiny)
    train(net, tiny, PLAIN, seed=1, device="cpu")
    return net.train()


@pytest.fixture
def batch(tiny: ImageSet) -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.arange(7, 7 + SIZE)
    return on_device(tiny.images, "cpu")[rows].float() / 255, on_device(tiny.labels, "cpu")[rows], rows


def noted(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor], **settings: Any
) -> tuple[Tensor, dict[str, np.ndarray], dict[str, int]]:
    """What one batch became, and what was kept of it."""
    record = PracticeRecord(epochs=1)
    hooks = hooks_of(tiny, record, **settings)
    hooks.rows(0, torch.arange(len(tiny)), net)
    made, _ = hooks.batch(*batch, net)
    meta, arrays = record.saved()
    return made, {name.removeprefix("practice_"): array[0] for name, array in arrays.items()}, meta["practice"]


# ---- the training does not notice


@pytest.mark.parametrize(("proxy", "targets"), [*((proxy, "rest") for proxy in PROXIES), (PROXIES[0], "shuffled")])
def test_a_recorded_training_has_the_same_weights_bit_for_bit(proxy: str, targets: str, tiny: ImageSet) -> None:
    record = PracticeRecord(PLAIN.epochs)
    with_record = trained(tiny, record, proxy=proxy, targets=targets)
    without = trained(tiny, None, proxy=proxy, targets=targets)
    assert record.epochs == [1, 2, 3]
    one, other = with_record.state_dict(), without.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert with_record.passes == without.passes


# ---- what is kept


def test_six_epochs_are_spread_evenly_with_the_first_and_the_last() -> None:
    assert spread(11, 6) == {1, 3, 5, 7, 9, 11}
    assert spread(4, 6) == {1, 2, 3, 4} and spread(1, 6) == {1}
    assert PracticeRecord(40).chosen == {1, 9, 17, 24, 32, 40}


@pytest.mark.parametrize("proxy", PROXIES)
def test_rows_labels_and_images_are_those_of_the_training_set(proxy: str, tiny: ImageSet) -> None:
    record = PracticeRecord(PLAIN.epochs)
    trained(tiny, record, proxy=proxy)
    meta, found = record.saved()
    assert meta == {"practice": {"batch": SIZE, "all": POISONS, "shown": POISONS, "targets": SIZE - POISONS}}
    rows, before, after = (found[f"practice_{name}"] for name in ("rows", "before", "after"))
    assert rows.shape == (3, SIZE) and all(len(set(each)) == SIZE for each in rows.tolist())
    assert (rows[0] != rows[1]).any()  # each epoch's own first batch
    assert before.dtype == after.dtype == np.uint8
    assert np.array_equal(before, tiny.images[rows])
    assert np.array_equal(found["practice_labels"], tiny.labels[rows])
    moved = np.abs(after.astype(int) - before)
    assert (moved[:, :POISONS].reshape(3, POISONS, -1).max(axis=2) > 0).all()
    if proxy != "trigger":
        assert moved.max() <= 16 and not moved[:, POISONS:].any()
    chances = found["practice_probabilities"]
    assert chances.shape == (3, SIZE, 2, 4) and np.allclose(chances.sum(axis=3, dtype=np.float32), 1, atol=5e-3)


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_is_kept_is_the_batch_that_is_trained_on(
    proxy: str, tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    made, kept, _ = noted(tiny, net, batch, proxy=proxy)
    assert np.array_equal(kept["after"], (made * 255).round().to(torch.uint8).numpy())
    assert np.array_equal(kept["rows"], batch[2].numpy())


def test_losses_and_probabilities_are_those_of_the_network_in_evaluation_mode(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, _ = batch
    made, kept, _ = noted(tiny, net, batch)
    plain, fake = copy.deepcopy(net).eval(), labels[:POISONS].mode().values
    with torch.no_grad():
        both = [plain(images), plain(made)]
    for side, logits in enumerate(both):
        expected = [
            nn.functional.cross_entropy(logits[:POISONS], labels[:POISONS]),
            nn.functional.cross_entropy(logits[POISONS:], labels[POISONS:]),
            nn.functional.cross_entropy(logits[POISONS:], fake.expand(SIZE - POISONS)),
        ]
        assert kept["losses"][:, side] == pytest.approx([float(loss) for loss in expected], abs=0.02)
        assert np.allclose(kept["probabilities"][:, side], logits.softmax(dim=1).numpy(), atol=0.02)  # of bfloat16
    assert kept["losses"][1, 0] == kept["losses"][1, 1]  # targets are not touched
    assert set(kept["fake"].tolist()) == {int(fake)}


# ---- how well the attack inside the step does


def gradient(net: Net, images: Tensor, labels: Tensor) -> Tensor:
    plain = copy.deepcopy(net).eval()
    found = torch.autograd.grad(nn.functional.cross_entropy(plain(images), labels), list(plain.parameters()))
    return torch.cat([one.flatten() for one in found])


def test_alignment_goes_from_the_untouched_poisons_to_the_crafted_ones(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, _ = batch
    made, kept, _ = noted(tiny, net, batch)
    fake = labels[:POISONS].mode().values.expand(SIZE - POISONS)
    aim = gradient(net, images[POISONS:], fake)
    ends = [
        float(nn.functional.cosine_similarity(gradient(net, part[:POISONS], labels[:POISONS]), aim, dim=0))
        for part in (images, made)
    ]
    assert len(kept["course"]) == 3 + 2  # untouched, at the random start, after each of three steps
    assert [kept["course"][0], kept["course"][-1]] == pytest.approx(ends, abs=0.02)
    assert kept["course"][-1] > kept["course"][1]


def test_feature_matching_keeps_the_distance_in_features(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    made, kept, _ = noted(tiny, net, batch, proxy="feature_matching")
    plain = copy.deepcopy(net).eval()
    with torch.no_grad():
        goal, before, after = (plain.features(p).mean(dim=0) for p in (batch[0][POISONS:], batch[0][:POISONS],
                                                                       made[:POISONS]))  # fmt: skip
    ends = [float((before - goal).norm()), float((after - goal).norm())]
    assert [kept["course"][0], kept["course"][-1]] == pytest.approx(ends, rel=0.05)
    assert (kept["fake"] == NOBODY).all() and np.isnan(kept["losses"][2]).all()


def test_noise_aims_at_nothing(tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    _, kept, sizes = noted(tiny, net, batch, proxy="noise")
    assert kept["course"].size == 0 and (kept["fake"] == NOBODY).all()
    assert sizes["targets"] == SIZE - POISONS and np.isfinite(kept["losses"][:2]).all()


def test_a_target_with_a_trigger_is_to_be_read_as_the_class_of_its_patch(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    _, kept, _ = noted(tiny, net, batch, proxy="trigger")
    labels, fake = kept["labels"], kept["fake"]
    assert (fake[:POISONS] == labels[:POISONS]).all() and (fake[POISONS:] != labels[POISONS:]).all()
    assert kept["course"].size == 0
    assert np.isfinite(kept["losses"]).all() and kept["losses"][1, 0] != kept["losses"][1, 1]


def test_where_all_images_are_poisons_they_are_each_others_targets(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    _, kept, sizes = noted(tiny, net, batch, targets="shuffled")
    assert sizes == {"batch": SIZE, "all": SIZE, "shown": SIZE, "targets": SIZE}
    shown = SIZE + 16
    assert kept["rows"].shape == (shown,) and len(set(kept["rows"][SIZE:].tolist())) == 16
    assert np.array_equal(kept["fake"][:SIZE], kept["labels"][:SIZE])
    assert np.array_equal(kept["fake"][SIZE:], kept["labels"][:16])  # a target is to be read as its poison's class


# ---- how much is kept


def kept_of(shape: tuple[int, ...], classes: int, epochs: int = 100) -> dict[str, np.ndarray]:
    """A record of batches of 128 images, made up."""
    random, record = torch.Generator().manual_seed(0), PracticeRecord(epochs)
    images, labels = torch.rand((128, *shape), generator=random), torch.arange(128) % classes
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = Net(body, shape[0], classes, torch.zeros(shape[0]), torch.ones(shape[0]))
    for epoch in range(1, epochs + 1):
        record.begin(epoch)
        if record.due:
            rest, course = torch.arange(64, 128), [torch.tensor(0.5)] * 12
            record.note(Practice(images, images, labels, labels, 64, rest, labels, course), net)
    return record.saved()[1]


def test_a_record_is_smaller_than_a_megabyte() -> None:
    colour, grey = kept_of((3, 32, 32), 43), kept_of((1, 28, 28), 10)
    assert len(colour["practice_epochs"]) == 6
    assert sum(array.nbytes for array in colour.values()) < 1_000_000
    assert colour["practice_rows"].shape[1] == 16 + 8
    assert grey["practice_rows"].shape[1] == 32 + 16
    assert kept_of((3, 224, 224), 10, epochs=2)["practice_rows"].shape[1] == 2 + 1  # fewer would show nothing


def test_a_batch_that_is_not_divided_leaves_no_record(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    record = PracticeRecord(epochs=1)
    hooks = hooks_of(tiny, record, targets="ten")
    hooks.rows(0, torch.arange(len(tiny)), net)
    hooks.batch(batch[0][:5], batch[1][:5], batch[2][:5], net)
    assert record.saved() == ({}, {})


def test_only_the_first_batch_of_an_epoch_is_kept(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    record = PracticeRecord(epochs=1)
    hooks = hooks_of(tiny, record, proxy="noise")
    hooks.rows(0, torch.arange(len(tiny)), net)
    for _ in range(2):
        hooks.batch(*batch, net)
    assert record.epochs == [1]
