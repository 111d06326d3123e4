"""Watermark: the target shines through the base images, the sanity attack."""

from typing import ClassVar

from core.attacks.base import Need
from core.attacks.targeted import Crafted, Problem, Targeted
from core.spec import setting


class Watermark(Targeted):
    """Blend the target into every base image; no network and no optimisation.

    What must work if anything does: at opacity 1 and epsilon 255 the target itself is in the training set under the
    wanted label. A victim that still reads it correctly says that the set-up is broken, not that it is robust.

    A watermark and a small epsilon fight each other: epsilon cuts off most of what opacity puts in (0.3 moves pixels by
    up to 77 levels), and what is left is hardly a watermark. Hence the large default.

    Source: the watermarking step of Shafahi et al., "Poison Frogs!", NeurIPS 2018, section 3.1. Departures: it is used
        alone, without the collision in feature space; the result is kept within epsilon like every other poison.
    """

    title = "Watermark"
    summary = "The target shines through a few images of the wanted class: crude, visible, a check of the set-up."
    source = "Shafahi et al. (2018), arXiv:1804.00792"
    threat = (
        "The attacker blends the image to be misread into some training images of the wanted class and keeps their "
        "labels; anybody who looks at them sees it."
    )
    needs: ClassVar[tuple[Need, ...]] = ("test",)

    epsilon: int = setting(
        80, "Largest change of a pixel; a small one takes most of the watermark away again.", unit="/255", ge=1, le=255
    )
    opacity: float = setting(0.3, "Share of the target in every poison; 1 is the target itself.", gt=0, le=1)

    def craft(self, problem: Problem) -> Crafted:
        bases = problem.bases
        return Crafted(problem.within(bases + self.opacity * (problem.target - bases)), None)
