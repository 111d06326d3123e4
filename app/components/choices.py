"""What doing nothing costs, and what each defense costs, in plain words: the last screen of the story."""

from core.story import Answer, Case, Tally
from core.verdict import percent

ATTACKS = {
    "badnets": "A sticker on the picture",
    "gradient_matching": "Changes that nobody sees",
    "bullseye_polytope": "Changes that nobody sees",
}
DEFENSES = {
    "spectral_signatures": "Set odd pictures aside, then learn again",
    "activation_clustering": "Set suspicious groups aside, then learn again",
    "deep_knn": "Set aside what its neighbors contradict, then learn again",
    "epic": "Leave out what stands alone while learning",
    "adversarial_poisoning": "Practice on altered pictures while learning",
}
ONE_SIGN = ("gradient_matching", "bullseye_polytope")
"""Attacks on one chosen picture: what is counted are attempts, not signs."""


def table(cases: tuple[Case, ...]) -> str:
    """All cases as one HTML table."""
    return f'<table class="ps-choices">{"".join(map(_case, cases))}</table>'


def _case(known: Case) -> str:
    title = ATTACKS.get(known.attack, "Altered pictures")
    what = "attempts that succeed" if known.attack in ONE_SIGN else "signs misread"
    head = (
        f'<tr><th scope="col">{title} <small>{known.altered:,} of {known.pictures:,} pictures altered</small></th>'
        f'<th scope="col" colspan="2">{what}</th><th scope="col">what it costs</th></tr>'
    )
    nothing = _row("Do nothing", known.fooled, "nothing, until somebody uses it", "nothing")
    return f"<tbody>{head}{nothing}{''.join(_row(*_answer(known, each)) for each in known.answers)}</tbody>"


def _answer(known: Case, answer: Answer) -> tuple[str, Tally, str, str]:
    costs = [f"{answer.work:.1f} times the computing"]
    if answer.lost:
        costs.append(f"{answer.lost:,} good pictures")
    points = 100 * (known.right.share - answer.right.share)
    if points > 0.05:
        costs.append(
            f"{percent(answer.right.share)} of ordinary pictures right instead of {percent(known.right.share)}"
        )
    return DEFENSES.get(answer.name, "Another precaution"), answer.fooled, ", ".join(costs), "done"


def _row(title: str, fooled: Tally, costs: str, look: str) -> str:
    bar = f'<i style="width:{100 * fooled.share:.1f}%"></i>'
    cells = f'<td class="bar">{bar}</td><td>{fooled}</td><td>{costs}</td>'
    return f'<tr class="{look}"><th scope="row">{title}</th>{cells}</tr>'
