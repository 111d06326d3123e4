"""What happens inside the step, in three lines; and what happened in the batch that is shown, in numbers."""

from app.components.inside_look import NOBODY, InsideLook
from core.verdict import percent

OWN = (
    "These are the defense’s own practice poisons, made of this batch’s images and thrown away after the step: not the "
    "attacker’s."
)
# Braces around a whole formula keep it on one line.
SPLIT = {
    "rest": "**Split** the batch into poisons $P$ and targets $T$.",
    "shuffled": "**Split.** Every image becomes a poison in $P$, and, put in random order, a target in $T$.",
}
FAKE = {
    "rest": "the fake label $\\tilde y$, the commonest of $P$,",
    "shuffled": "the poisons’ own labels $\\tilde y = y_P$",
}
MOVES = "Every pixel of $P$ moves by at most $\\varepsilon$"
WITHIN = "_{\\|\\delta\\|_\\infty \\le \\varepsilon}"
PULLS = f"{MOVES}, so that learning it pulls <whom> where learning $T$ with <fake> would: "
COSINE = f"${{\\max{WITHIN} \\cos\\big(\\nabla_<w> L(P + \\delta, y_P),\\, \\nabla_<w> L(T, \\tilde y)\\big)}}$"
MATCHING = PULLS + COSINE
WHOLE = MATCHING.replace("<whom>", "the network").replace("<w>", "\\theta")
ATTACK = {
    "gradient_matching": WHOLE,
    "finite_difference": (
        f"{WHOLE}. The way there is read off how the gradient at the pixels changes when $\\theta$ moves a little, "
        "instead of a second derivative"
    ),
    "last_layer": MATCHING.replace("<whom>", "the last layer’s weights $W$").replace("<w>", "W"),
    "feature_matching": (
        f"{MOVES}, so that to the network it looks like $T$ on average: "
        f"${{\\min{WITHIN} \\big\\|\\,\\overline{{\\phi(P + \\delta)}} - \\overline{{\\phi(T)}}\\,\\big\\|}}$"
    ),
    "trigger": (
        "Every class gets random patches. Images of class $c$ in $P$ carry those of $c$; images of class $y$ in $T$ "
        "carry those of a fake label $\\sigma(y) \\ne y$"
    ),
    "noise": (
        f"{MOVES}, at random and towards nothing, to compare: $\\delta \\sim \\mathcal N(0, \\varepsilon^2)$, clipped"
    ),
}
MEASURED = {
    "alignment": "the alignment",
    "head_alignment": "the alignment in the last layer",
    "distance": "the distance in features",
}
TRAIN = (
    "**Train** on all with the labels they came with, so that the network learns not to be pulled: "
    "${\\min_\\theta\\, <loss>}$"
)
LOSS = {
    "rest": "L(P + \\delta, y_P) + L(T, y_T)",
    "shuffled": "L(P + \\delta, y_P)",
    "trigger": "L(P, y_P) + L(T, y_T)",
}


def method(look: InsideLook) -> str:
    """Three lines of Markdown: split, attack, train."""
    split = "shuffled" if look.settings["targets"] == "shuffled" else "rest"
    attack = ATTACK[look.proxy].replace("<fake>", FAKE[split])
    train = TRAIN.replace("<loss>", LOSS["trigger" if look.proxy == "trigger" else split])
    return f"1. {SPLIT[split]}\n2. **Attack.** {attack}\n3. {train}"


def facts(look: InsideLook) -> str:
    """The chosen batch in one paragraph of plain text."""
    sizes, losses = look.sizes, look.part("losses")
    words = f"Epoch {look.epoch}, first batch of {sizes['batch']} images: "
    if sizes["all"] == sizes["batch"]:
        words += "all of them became poisons."
    else:
        words += f"{sizes['all']} became poisons, {sizes['targets']} are their targets."
    words += _aimed(look)
    if look.measure is not None:
        course = look.part("course")
        steps = f"{len(course) - 2} step{'s' if len(course) > 3 else ''}"
        name = MEASURED[look.measure]
        ends = [f"{value:.2f}".replace("-", "−") for value in course[[0, -1]]]
        words += f" Untouched, {name} is {ends[0]}; after {steps} it is {ends[1]}."
    words += f" The network’s loss on the poisons goes from {losses[0, 0]:.2f} to {losses[0, 1]:.2f}."
    return words


def _aimed(look: InsideLook) -> str:
    fakes = look.fakes
    if len(fakes) == 1:
        return f" The targets are to be read as “{look.name(fakes[0])}”, the fake label."
    if fakes:
        return " Each target is to be read as the class behind its arrow."
    if aimless(look):
        return " They aim at nothing."
    return " The poisons are to come near the targets in features; there is no fake label."


def aim(look: InsideLook, place: int) -> str:
    """What one poison aims at, in a few words."""
    fake = int(look.part("fake")[place])
    if fake != NOBODY:
        return f"targets that are read as “{look.name(fake)}”, the fake label"
    return "nothing: it is noise" if aimless(look) else "the targets’ mean features"


def aimless(look: InsideLook) -> bool:
    """Whether the poisons are noise: of the proxy of that name, or where an attack may not change anything."""
    return look.proxy == "noise" or look.settings["epsilon"] == 0


def revealed(look: InsideLook) -> str:
    """How many of the shown images are the attacker's; nothing while that is hidden."""
    if look.attackers is None:
        return ""
    rows = look.part("rows")  # an image that is poison and target counts once
    count, of = len(set(rows[look.attackers].tolist())), len(set(rows.tolist()))
    if not count:
        return f"None of the {of} training images shown is one of the attacker’s."
    are = "is" if count == 1 else "are"
    return f"{count} of the {of} training images shown {are} the attacker’s: outlined. The defense does not know that."


def sure(look: InsideLook, place: int) -> str:
    """What the network gives the own label of an image, before and after."""
    label = int(look.part("labels")[place])
    before, after = (float(chance) for chance in look.part("probabilities")[place, :, label])
    return f"{percent(before)} → {percent(after)}"
