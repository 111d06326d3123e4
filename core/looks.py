"""What is looked at after training: quick steps about a trained network. Inputs from earlier steps, one folder out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.analysis import distances, embedding, spectral
from core.analysis.facility_location import select
from core.defenses.base import FACTS, Fact, Filter, View, decided, random_flags, scored
from core.defenses.epic import Epic
from core.errors import PoisonscopeError
from core.given import detected, truth_unknown
from core.judge import Judge
from core.runs.artifacts import save
from core.screened import inspect
from core.seeds import derive, stream
from core.spec import Experiment
from core.train import predict
from core.train.loop import on_device

if TYPE_CHECKING:
    from core.steps import Step
    from core.work import Work

Tell = Callable[[float, str], None]


def _measure(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    """Attack success of a model that was trained without the poisons: the control's."""
    judge = Judge(work.split(step).test, work.poisoned(step).evaluation, work.device)
    asr, measured = judge.attacked(work.net(step))
    probability = judge.wanted_probability(measured)
    save(folder, {"asr": {"hits": asr[0], "n": asr[1]}, "target_probability": probability}, **measured)


def _features(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    train = work.poisoned(step).train
    attack, found = work.experiment.attack, None
    if attack is not None and attack.family == "given":  # type: ignore[attr-defined]
        found = work.experiment.data.features(train.indices)  # type: ignore[attr-defined]
    if found is None:
        found = predict.features(work.net(step), on_device(train.images, work.device)).cpu().numpy()
    save(folder, {}, features=found)


def _spectral(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    data = work.poisoned(step).train
    features = work.artifacts.array(step.find("features").key, "features")
    coordinates, values = spectral.projection(features, data.labels, len(data.class_names))
    save(folder, {}, projection=coordinates, singular_values=values)


def _distances(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    """How far bases and poisons are from the target image, in three spaces."""
    poisoned, net, poison = work.poisoned(step), work.net(step), step.find("poison").key
    shown = poisoned.evaluation
    labels = np.append(poisoned.train.labels[poisoned.rows], shown.wanted[:1])
    columns = []
    for name in ("originals", "images"):
        both = np.concatenate([work.artifacts.array(poison, name), shown.images[:1]])
        images = on_device(both, work.device)
        found, logits = predict.features(net, images), predict.logits(net, images)
        columns.append(distances.to_target(images, found, logits, on_device(labels, work.device)))
    save(folder, {}, **{name: np.stack([each[name] for each in columns], axis=1) for name in columns[0]})


def _isolation(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    """How many rows share each row's medoid, after every epoch whose gradients were kept; 1 is isolated."""
    trained, share = step.find("train").key, isolation_share(work.experiment)
    if not work.artifacts.holds(trained, "gradients"):
        save(folder, {"share": share})
        return
    gradients, labels = work.artifacts.array(trained, "gradients"), work.poisoned(step).train.labels
    sizes = []
    for number, each in enumerate(gradients):
        random = stream(work.experiment.seed, "isolation", number)
        found = select(np.asarray(each, dtype=np.float32), labels, share, random=random, device=work.device)
        sizes.append(found.sizes[found.cluster])
        tell((number + 1) / len(gradients), f"epoch {number + 1} of {len(gradients)}")
    save(folder, {"share": share}, sizes=np.stack(sizes).astype(np.int32))


def isolation_share(experiment: Experiment) -> float:
    """Medoids among all rows when isolation is measured: what the experiment's EPIC takes, or else a tenth."""
    return next((each.share for each in experiment.defenses if isinstance(each, Epic)), 0.1)


def _embedding(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    """Where a sample of the rows, and the target, lie in gradient space, epoch after epoch."""
    trained, poisoned = step.find("train").key, work.poisoned(step)
    if not work.artifacts.holds(trained, "gradients"):
        save(folder, {"n": len(poisoned.train), "shown": 0})
        return
    rows = embedding.sample(poisoned.train.labels, poisoned.rows)
    gradients = np.asarray(work.artifacts.array(trained, "gradients")[:, rows], dtype=np.float32)
    target = work.artifacts.array(trained, "target_gradients")[:, None]
    seed = derive(work.experiment.seed, "embedding") % 2**31
    positions = embedding.maps(np.concatenate([gradients, target], axis=1), seed=seed, report=tell)
    parameters = {"neighbours": embedding.NEIGHBOURS, "min_distance": embedding.MIN_DISTANCE}
    meta = {"n": len(poisoned.train), "shown": len(rows), "parameters": parameters}
    save(folder, meta, rows=rows, positions=positions)


def _score(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    defense, view = _filter_and_view(work, step)
    save(folder, {}, scores=scored(defense, view))


def _filter(work: "Work", step: "Step", folder: Path, tell: Tell) -> None:
    defense, view = _filter_and_view(work, step)
    scores = work.artifacts.array(step.find("score").key, "scores")
    flagged = decided(defense, scores, view)
    random = random_flags(flagged, view)
    truth = work.poisoned(step).truth  # only the runner compares with the truth; the defense never sees it
    known = not truth_unknown(work.experiment.attack)
    meta = {
        "knows": view.facts,
        "detection": detected(flagged, truth, scores, known=known),
        "random_detection": detected(random, truth, known=known),
        "removed_shares": [float(flagged[view.labels == label].mean()) for label in np.unique(view.labels)],
    }
    save(folder, meta, flagged=flagged, random_flagged=random)


def _filter_and_view(work: "Work", step: "Step") -> tuple[Filter, View]:
    defense = next(d for d in work.experiment.defenses if d.name == step.defense)
    assert isinstance(defense, Filter)
    poisoned = work.poisoned(step)
    wanted = np.unique(poisoned.evaluation.wanted)
    truth: dict[Fact, Any] = {"poison_count": len(poisoned.rows), "poison_rows": "on screen"}
    if len(wanted) == 1:
        truth["target_class"] = int(wanted[0])
    for fact in defense.knows:
        if fact not in truth:
            raise PoisonscopeError(
                f"{defense.title} is to be told {FACTS[fact]}, but the attack wants {len(wanted)} classes; "
                "change the settings of the defense."
            )
    return defense, View(
        labels=poisoned.train.labels,
        class_names=poisoned.train.class_names,
        seed=derive(work.experiment.seed, "defense", step.poison_key, step.victim),
        read_features=lambda: np.asarray(work.artifacts.array(step.find("features").key, "features")),
        facts={fact: truth[fact] for fact in defense.knows},
    )


KINDS: dict[str, Callable[["Work", "Step", Path, Tell], None]] = {
    "measure": _measure,
    "features": _features,
    "spectral": _spectral,
    "distances": _distances,
    "isolation": _isolation,
    "embedding": _embedding,
    "inspection": inspect,
    "score": _score,
    "filter": _filter,
}
"""The work of each kind of step that only looks."""
