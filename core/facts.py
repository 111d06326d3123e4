"""What a defense may be told."""

from typing import Literal

Fact = Literal["poison_count", "target_class", "clean_data", "poison_rows"]
FACTS: dict[str, str] = {
    "poison_count": "how many rows are poisoned",
    "target_class": "which class the attacker wants predicted",
    "clean_data": "a set of images known to be clean",
    "poison_rows": "which rows are poisons",
}
