"""An experiment as a small graph of steps, each computed once.

A step's key is the hash of everything that it depends on: its part of the experiment, its inputs' keys, the format's
version. Its result lies under that key. So a killed run goes on where it stopped, a defense added to a finished run
trains only what is new, and thirty people with the same settings cost one training.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core import estimate, registry
from core.attacks.base import Attack
from core.attacks.targeted import Targeted
from core.defenses.base import Defense, TrainingDefense
from core.errors import SpecError
from core.looks import isolation_share
from core.seeds import derive
from core.spec import Component, Experiment, digest


@dataclass(frozen=True)
class Step:
    """One thing to compute.

    Attributes:
        kind: data, pretraining_data, pretrain, surrogate, poison, train, measure, features, spectral, distances,
            isolation, score, filter, inspection or embedding.
        key: where its result lies.
        label: what a person reads while it runs.
        needs: the steps whose results it reads.
        weight: expected seconds.
        arm, poison_key, victim, defense: which of several it is; None where that means nothing. Of a pretrain or
            surrogate step `victim` is its own number.
    """

    kind: str
    key: str
    label: str
    needs: tuple["Step", ...]
    weight: float
    arm: str | None = None
    poison_key: int | None = None
    victim: int | None = None
    defense: str | None = None

    def has(self, kind: str) -> bool:
        """Whether a step of that kind is among the direct needs."""
        return any(need.kind == kind for need in self.needs)

    def find(self, kind: str) -> "Step":
        """The direct need of a kind."""
        return next(need for need in self.needs if need.kind == kind)

    def all(self, kind: str) -> list["Step"]:
        """All direct needs of a kind."""
        return [need for need in self.needs if need.kind == kind]

    def reference(self) -> dict[str, Any]:
        """What a run remembers of the step."""
        fields = ("key", "kind", "label", "arm", "poison_key", "victim", "defense")
        return {name: getattr(self, name) for name in fields}


def plan(experiment: Experiment, device: str = "cpu") -> list[Step]:
    """All steps of an experiment, each after those that it needs; what they weigh depends on the device."""
    return list({step.key: step for step in _Planner(experiment, device).unfold()}.values())


class _Planner:
    """Unfolds an experiment; a step's key is the hash of its kind, its needs' keys and its own settings."""

    def __init__(self, experiment: Experiment, device: str) -> None:
        self.experiment, self.settings = experiment, experiment.model_dump(mode="json")
        self.costs = estimate.costs(experiment, device)
        self.data, self.pretraining_data = self._data()

    def _data(self) -> tuple[Step, Step | None]:
        """The victim's images and, where there is pretraining, those of the pretrained network."""
        experiment, other = self.experiment, self.experiment.pretraining.data
        own = [self.settings["data"], experiment.data.fingerprint()]  # type: ignore[attr-defined]
        if experiment.scenario == "from_scratch":
            return self._images("data", own), None
        if other is not None:
            theirs = [self.settings["pretraining"]["data"], other.fingerprint()]  # type: ignore[attr-defined]
            return self._images("data", own), self._images("pretraining_data", theirs)
        part = [experiment.pretraining.part, experiment.seed]
        victims = self._images("data", [*own, "all but", part])
        return victims, self._images("pretraining_data", [*own, "only", part])

    def _images(self, kind: str, own: list[Any]) -> Step:
        label = "Prepare the images" if kind == "data" else "Prepare the images for pretraining"
        return Step(kind, digest(["data", [], own]), label, (), self.costs.data)

    def unfold(self) -> Iterator[Step]:
        """Every step; what several need is yielded more than once, with the same key."""
        yield self.data
        victims, attack = range(self.experiment.victims), self.experiment.attack
        if attack is not None and attack.family == "given":  # type: ignore[attr-defined]
            yield from self.given(attack, victims)  # type: ignore[arg-type]
            return
        controls = [self.train("control", "Train without poison (control)", victim) for victim in victims]
        if attack is None:
            for control in controls:
                yield from (*_before(control), control)
            return
        assert isinstance(attack, Attack)
        most = attack.most_keys()
        if most is not None and self.experiment.keys > most:
            raise SpecError(f"keys is {self.experiment.keys}, but the file holds {most}; lower keys.")
        surrogates = self.surrogates(attack)
        for key in range(self.experiment.keys):
            poison = self.poison(attack, surrogates, key)
            yield from (*_before(poison), poison)
            for victim, control in zip(victims, controls, strict=True):
                undefended = self.train("undefended", "Train on the poisoned set", victim, poison)
                yield from (*_before(undefended), undefended)
                yield from self.defended(poison, undefended)
                yield control
                yield self.look("measure", "Test the control", "control", poison, control)
        yield from self.mapped(attack, surrogates)

    def given(self, attack: Attack, victims: Iterable[int]) -> Iterator[Step]:
        """A set that may have come poisoned: there is no clean one to train a control on."""
        if self.experiment.keys > 1:
            raise SpecError(f"keys is {self.experiment.keys}, but data that come as they are have 1; lower keys.")
        poison = self.poison(attack, (), 0)
        for victim in victims:
            undefended = self.train("undefended", "Train on the set as it came", victim, poison)
            looks = list(self.defended(poison, undefended))
            yield from (*_before(undefended), undefended, *looks)
            yield from self.inspected(poison, undefended, looks)

    def inspected(self, poison: Step, undefended: Step, looks: list[Step]) -> Iterator[Step]:
        """What stands apart in the set, beside the same set without its suspects; for a run that screens it."""
        parts = [step for step in looks if step.arm in ("screening", "screening_random")]
        decided, trained = ([step for step in parts if step.kind == kind] for kind in ("filter", "train"))
        if decided:
            features = next(step for step in looks if step.kind == "features")
            more = (undefended, features, *decided, *trained)
            yield self.look("inspection", "Compare with controls", "undefended", poison, *more)

    def mapped(self, attack: Attack, surrogates: tuple[Step, ...]) -> Iterator[Step]:
        """The map of the first key's gradient space: the last step of a run, because nothing waits for it."""
        if attack.family in ("targeted", "imported"):
            poison = self.poison(attack, surrogates, 0)
            undefended = self.train("undefended", "Train on the poisoned set", 0, poison)
            yield self.look("embedding", "Map the gradient space", "undefended", poison, undefended)

    def pretrained(self, number: int, model: dict[str, Any], defense: Component | None = None) -> tuple[Step, ...]:
        """The network that others start from; number 0 is the victims'. None where all start from new weights.

        Of victims with a training defense, and of attackers who know it, it was trained with the defense where the
        experiment says so; all others share a plain one.
        """
        if self.pretraining_data is None:
            return ()
        own = [model, self.settings["pretraining"]["training"], derive(self.experiment.seed, "pretrain", number)]
        label, arm, name, cost = "Pretrain", "pretrained", None, self.costs.pretrain
        if defense is not None and self.experiment.defends_pretraining:
            own += self._taking_part(defense)
            label, arm, name = f"Pretrain with {defense.title}", defense.name, defense.name
            cost = self.costs.defended_pretraining[defense.name]
        needs = (self.pretraining_data,)
        key = digest(["pretrain", [need.key for need in needs], own])
        return (Step("pretrain", key, label, needs, cost, arm, None, number, name),)

    def surrogates(self, attack: Attack) -> tuple[Step, ...]:
        """The attacker's own networks, trained on clean data; their seeds are never a victim's."""
        if not isinstance(attack, Targeted) or "surrogates" not in attack.needs:
            return ()
        model = self.settings["model"]
        if attack.knowledge == "black_box":
            model = registry.load("models", attack.surrogate_model)().model_dump(mode="json")
        known = self.experiment.known_defense if attack.knows_defense else None
        steps = []
        for number in range(attack.surrogates):
            start = self.pretrained(0 if attack.knowledge == "white_box" else number + 1, model, known)
            own = [self.experiment.scenario, model, self.settings["training"]]
            own += self._taking_part(known) if known is not None and self.experiment.defends_training else []
            needs = (self.data, *start)
            seed = derive(self.experiment.seed, "surrogate", number)
            key = digest(["surrogate", [need.key for need in needs], [*own, seed]])
            label = f"Train the attacker's surrogate {number + 1} of {attack.surrogates}"
            steps.append(Step("surrogate", key, label, needs, self.costs.surrogate, "surrogate", None, number))
        return tuple(steps)

    def _taking_part(self, defense: Component) -> list[Any]:
        """What a training depends on that a defense takes part in: it, and what its random streams follow from."""
        return [defense.model_dump(mode="json"), self.experiment.seed]

    def poison(self, attack: Attack, surrogates: tuple[Step, ...], key: int) -> Step:
        """Poison the training set, once for every key."""
        own = [self.settings["attack"], attack.fingerprint(), self.experiment.seed]
        if "surrogates" in attack.needs or "recipe" in attack.needs:
            own += [self.settings["model"], self.settings["training"]]
        needs = (self.data, *surrogates)
        digested = digest(["poison", [need.key for need in needs], [*own, key]])
        label = "Craft the poisons" if attack.needs else "Poison the training set"
        if self.experiment.keys > 1:
            label += f", key {key + 1} of {self.experiment.keys}"
        return Step("poison", digested, label, needs, self.costs.poison, poison_key=key)

    def train(
        self,
        arm: str,
        label: str,
        victim: int,
        poison: Step | None = None,
        kept: Step | None = None,
        *,
        defense: TrainingDefense | None = None,
        own: Any = None,
        beside: Step | None = None,
    ) -> Step:
        """Train one model.

        Args:
            arm, label, victim, poison: which.
            kept: a filter that says which rows are left, for its own arm or its random control.
            defense, own: a training defense that takes part, and what else the training depends on.
            beside: the training with that defense, for its twins.
        """
        start = self.pretrained(0, self.settings["model"], defense)
        needs = tuple(step for step in (self.data, *start, poison, kept, beside) if step is not None)
        part = "random" if kept is not None and arm.endswith("_random") else "flagged"
        seed = derive(self.experiment.seed, "victim", victim)
        fixed = [part, self.experiment.scenario, self.settings["model"], self.settings["training"], seed]
        digested = digest(["train", [need.key for need in needs], [*fixed, own]])
        key, named = poison.poison_key if poison else None, kept.defense if kept else None
        cost = self.costs.train
        if defense is not None:
            named = defense.name
            if beside is None:
                cost = self.costs.defended.get(defense.name, cost)
        return Step("train", digested, label, needs, cost, arm, key, victim, named)

    def look(
        self, kind: str, label: str, arm: str, poison: Step, *more: Step, own: Any = None, defense: str | None = None
    ) -> Step:
        """A quick step about a trained model, which needs the data, the poison and `more`."""
        needs = (self.data, poison, *more)
        digested = digest([kind, [need.key for need in needs], own])
        cost = self.costs.look(kind, defense)
        return Step(kind, digested, label, needs, cost, arm, poison.poison_key, more[0].victim, defense)

    def defended(self, poison: Step, undefended: Step) -> Iterator[Step]:
        """What is done with a model that was trained on all rows: analyses, then filters and what they lead to."""
        features = self.look("features", "Read the features", "undefended", poison, undefended)
        if self.experiment.analysis.spectral:
            yield from (features, self.look("spectral", "Find singular directions", "undefended", poison, features))
        if self.experiment.attack is not None and self.experiment.attack.family in ("targeted", "imported"):  # type: ignore[attr-defined]
            yield self.look("distances", "Measure distances to the target", "undefended", poison, undefended)
            share = isolation_share(self.experiment)
            yield self.look("isolation", "Find rows that stand alone", "undefended", poison, undefended, own=share)
        for defense, settings in zip(self.experiment.defenses, self.settings["defenses"], strict=True):
            assert isinstance(defense, Defense)
            if isinstance(defense, TrainingDefense):
                yield from self.trained_with(defense, poison, undefended.victim or 0)
                continue
            name, title, own = defense.name, defense.title, [settings, self.experiment.seed]
            score = self.look("score", f"Score every row: {title}", name, poison, features, own=own, defense=name)
            decided = self.look("filter", f"Flag rows: {title}", name, poison, features, score, defense=name)
            victim = undefended.victim or 0
            yield from (features, score, decided)
            yield self.train(name, f"Retrain after {title}", victim, poison, decided)
            yield self.train(f"{name}_random", "Retrain after random removal (control)", victim, poison, decided)

    def trained_with(self, defense: TrainingDefense, poison: Step, victim: int) -> Iterator[Step]:
        """A training that the defense takes part in, and its twins, which need to know how much it dropped."""
        if not self.experiment.defends_training:
            label = f"Train after pretraining with {defense.title}"
            plain = self.train(defense.name, label, victim, poison, defense=defense)
            yield from (*_before(plain), plain)
            return
        own = self._taking_part(defense)
        label = f"Train with {defense.title}"
        defended = self.train(defense.name, label, victim, poison, defense=defense, own=own)
        yield from (*_before(defended), defended)
        for twin in defense.twins:
            arm, label = f"{defense.name}_{twin}", f"Train beside {defense.title}, dropping by {twin}"
            if twin == "random":
                label = f"Train beside {defense.title}, dropping at random"
            yield self.train(arm, label, victim, poison, defense=defense, own=[*own, twin], beside=defended)


def _before(step: Step) -> Iterator[Step]:
    """What a step needs, from the first on."""
    for need in step.needs:
        yield from (*_before(need), need)
