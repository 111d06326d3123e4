"""An experiment and what it is made of: frozen, checked, and hashed.

A `Component` is an attack, a defense, a data set or a network that *is* its own configuration. Its fields carry range,
unit and one sentence of help, from which come the check, the command line, the form in the browser and the table in the
docs.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from core import registry
from core.errors import SpecError, explain

FORMAT = 2
"""Version of everything that a step writes; raising it makes all stored steps strangers."""


def setting(default: Any, help: str, *, unit: str = "", advanced: bool = False, **bounds: Any) -> Any:
    """A field with one sentence of help, a unit and bounds (`ge`, `gt`, `le`, `lt`, `multiple_of`, ...)."""
    return Field(default, description=help, json_schema_extra={"unit": unit, "advanced": advanced}, **bounds)


class Part(BaseModel):
    """Anything that belongs to an experiment: immutable, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Component(Part):
    """A part with a name of its own, which is the name of the file that defines it."""

    title: ClassVar[str]
    source: ClassVar[str] = ""

    @property
    def name(self) -> str:
        return type(self).__module__.rsplit(".", 1)[-1]

    @model_serializer(mode="wrap")
    def _with_name(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"name": self.name, **fields(self)}


def component(kind: str, value: Any) -> Any:
    """Turn a name, or a mapping with a `name`, into the component that it means."""
    if isinstance(value, Component) or value is None:
        return value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ValueError(f"{value!r:.60} names none of the {kind}; legal are {', '.join(registry.names(kind))}")
    fields = {key: field for key, field in value.items() if key != "name"}
    try:
        return registry.load(kind, value["name"]).model_validate(fields)  # type: ignore[attr-defined]
    except SpecError as error:
        raise ValueError(str(error)) from None
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def listed(value: Any) -> Any:
    """Accept `[a,b]` and `a,b` from a command line where a list is meant."""
    if isinstance(value, str):
        value = [part.strip() for part in value.strip().strip("[]").split(",") if part.strip()]
    return value


def attack_or_none(value: Any) -> Any:
    """As `component`; `none` means that nothing attacks, because TOML has no empty value."""
    return None if value == "none" else component("attacks", value)


Dataset = Annotated[SerializeAsAny[Component], BeforeValidator(partial(component, "datasets"))]
Network = Annotated[SerializeAsAny[Component], BeforeValidator(partial(component, "models"))]
AttackChoice = Annotated[SerializeAsAny[Component] | None, BeforeValidator(attack_or_none)]
DefenseChoice = Annotated[SerializeAsAny[Component], BeforeValidator(partial(component, "defenses"))]


Scenario = Literal["from_scratch", "fine_tune", "transfer"]


class Training(Part):
    """How every model of the experiment is trained."""

    epochs: int = setting(10, "Passes over the training set.", unit="epochs", ge=1, le=1000)
    batch_size: int = setting(128, "Images in one step of the optimiser.", unit="images", ge=1, le=8192)
    learning_rate: float = setting(0.1, "Highest learning rate of the schedule.", gt=0, le=10)
    schedule: Literal["one_cycle", "step", "constant"] = setting(
        "one_cycle",
        "one_cycle: up, then down to zero. step: a tenth at 3/8, 5/8 and 7/8 of the epochs. constant: as it is.",
    )
    momentum: float = setting(0.9, "Nesterov momentum.", ge=0, lt=1, advanced=True)
    weight_decay: float = setting(
        5e-4, "L2 penalty on all weights but biases and normalisation.", ge=0, le=1, advanced=True
    )
    shift: int = setting(2, "Random shift of every training image in both directions.", unit="pixels", ge=0, le=16)
    flip: bool = setting(True, "Random mirror images, where the data set allows it (never for signs or digits).")
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "Arithmetic of the forward and backward pass; auto takes bfloat16 where it is clearly faster on this machine, "
        "and so do crafting and attacks inside a step, whatever is chosen here.",
        advanced=True,
    )


class Pretraining(Part):
    """Where the weights come from that fine-tuning and transfer start from; from scratch has no use for it."""

    data: Annotated[SerializeAsAny[Component] | None, BeforeValidator(partial(component, "datasets"))] = Field(
        default=None,
        description="Another data set to pretrain on; none: a part of the same one, which the victim never sees.",
    )
    part: float = setting(
        0.5, "Share of every class to pretrain on, where no other data set is given.", unit="fraction", gt=0, lt=1
    )
    training: Training = Field(default=Training(), description="How the pretrained network is trained.")
    defended: Literal["no", "also", "only"] = setting(
        "no",
        "Whether a training defense takes part in pretraining the network that its arm starts from. also: there and in "
        "the victims' training. only: there, and victims are then trained as if undefended.",
    )


class Analysis(Part):
    """What is measured on the trained models beside accuracy and attack success."""

    spectral: bool = setting(True, "Project every class's features on its top singular vectors.")


class Experiment(Part):
    """Everything that a run depends on."""

    name: str = Field("experiment", min_length=1, max_length=80, description="What the run is called.")
    data: Dataset = Field(default="signs", validate_default=True, description="The images.")
    model: Network = Field(default="small_cnn", validate_default=True, description="The network.")
    training: Training = Field(Training(), description="How models are trained.")
    scenario: Scenario = Field(
        "from_scratch",
        description="What the victim starts from: new weights; pretrained weights, all of them trained on; or frozen "
        "pretrained features with a new head.",
    )
    pretraining: Pretraining = Field(default_factory=Pretraining, description="Where pretrained weights come from.")
    attack: AttackChoice = Field(
        default="badnets", validate_default=True, description="Who poisons the training set, and how."
    )
    keys: int = setting(1, "Independent draws of the poisons.", unit="draws", ge=1, le=100)
    victims: int = setting(1, "Models trained per arm, each with its own seed.", unit="models", ge=1, le=100)
    defenses: Annotated[tuple[DefenseChoice, ...], BeforeValidator(listed)] = Field(
        (), description="What stands against it."
    )
    analysis: Analysis = Field(Analysis(), description="What is measured beside accuracy and attack success.")
    seed: int = setting(0, "Everything random follows from it.", ge=0, le=2**31 - 1)
    device: Literal["auto", "cpu", "cuda", "mps"] = setting("auto", "Where models are trained.")

    @model_validator(mode="after")
    def _distinct_defenses(self) -> "Experiment":
        given = [defense.name for defense in self.defenses]
        twice = sorted({name for name in given if given.count(name) > 1})
        if twice:
            raise ValueError(f"the defense {twice[0]!r} is listed twice; each may be listed once")
        return self

    # The ignored types below: a chosen attack or defense is a Component here, because its base class imports this file.

    @model_validator(mode="after")
    def _possible_attack(self) -> "Experiment":
        if self.attack is not None:
            self.attack.check(self.scenario)  # type: ignore[attr-defined]
            if self.attack.knows_defense and self.known_defense is None:  # type: ignore[attr-defined]
                raise ValueError(
                    "attack.adaptive says that the attacker knows a defense that takes part in training, and none is "
                    "listed; add one to defenses, or choose oblivious"
                )
            known = self.known_defense
            if self.attack.simulates_defense and known is not None and known.multiplies:  # type: ignore[attr-defined]
                raise ValueError(
                    f"attack.adaptive is 'step', and no attacker can craft through {known.name}, which makes more "
                    "images of a batch; choose surrogate or oblivious, or list another training defense first"
                )
        return self

    @model_validator(mode="after")
    def _possible_defenses(self) -> "Experiment":
        trainings = [self.training] if self.defends_training else []
        trainings += [self.pretraining.training] if self.defends_pretraining else []
        for defense in self.defenses:
            if defense.kind == "training":  # type: ignore[attr-defined]
                for training in trainings:
                    defense.check(training)  # type: ignore[attr-defined]
        return self

    @property
    def known_defense(self) -> Component | None:
        """The defense that an attacker who knows it expects: the first that takes part in training."""
        return next((each for each in self.defenses if each.kind == "training"), None)  # type: ignore[attr-defined]

    @property
    def defends_pretraining(self) -> bool:
        """Whether arms with a training defense start from networks that were pretrained with it."""
        return self.scenario != "from_scratch" and self.pretraining.defended != "no"

    @property
    def defends_training(self) -> bool:
        """Whether training defenses take part in the victims' own training, and not in pretraining only."""
        return not (self.defends_pretraining and self.pretraining.defended == "only")

    def hash(self) -> str:
        """The same for two experiments that compute the same thing: name and device do not count."""
        return digest(self.model_dump(mode="json", exclude={"name", "device"}))


def digest(content: Any) -> str:
    """Twenty hexadecimal digits that identify a JSON-able value under the current FORMAT."""
    text = json.dumps([FORMAT, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def parse(content: dict[str, Any]) -> Experiment:
    """Build an experiment from a mapping.

    Raises:
        SpecError: one sentence that names the setting, the value and what is legal.
    """
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        raise SpecError(explain(error)) from None


def read(path: Path) -> dict[str, Any]:
    """Read an experiment's mapping from a TOML or JSON file, unchecked."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise SpecError(f"Cannot read the experiment {str(path)!r}: {error}.") from None
    if not isinstance(content, dict):
        raise SpecError(f"{str(path)!r} must hold a table of settings, not a {type(content).__name__}.")
    return content


def changed(content: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of an experiment's mapping after `path=value` assignments, such as `training.epochs=5`.

    Values are read as JSON where they are JSON and as text otherwise.
    """
    result: dict[str, Any] = json.loads(json.dumps(content))
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise SpecError(f"{assignment!r} is not of the form path=value, such as training.epochs=5.")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        place = result
        *folders, last = path.split(".")
        for folder in folders:
            inner = place.get(folder)
            if isinstance(inner, str):
                inner = {"name": inner}  # attack="badnets" becomes a table as soon as one of its settings is given
            place[folder] = {} if inner is None else inner
            place = place[folder]
            if not isinstance(place, dict):
                raise SpecError(f"{path!r} leads through {folder!r}, which is not a table of settings.")
        place[last] = value
    return result
