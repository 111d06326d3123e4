"""Words that strangers chose are shown as they are, whatever Markdown would make of them."""

from core import describe


def test_markdown_shows_what_was_written() -> None:
    assert describe.markdown("![x](https://a.b/c_d)") == r"\!\[x\]\(https\://a.b/c\_d\)"
    assert describe.markdown("60 poisons, 1 %; “speed 30”") == "60 poisons, 1 %; “speed 30”"
