"""Words that strangers chose are shown as they are, whatever Markdown would make of them."""

from core import describe


def test_markdown_shows_what_was_written() -> None:
    assert describe.markdown("![x](https://a.b/c_d)") == "\\!\\[x\\]\\(https:\u2060//a.b/c\\_d\\)"
    assert describe.markdown("www.a.b, c@d.e :material/delete: 8 -> 16") == (
        "www\u2060.a.b, c@\u2060d.e :\u2060material/delete: 8 -\u2060\\> 16"
    )
    assert describe.markdown("1. first\n- second\n---") == "1\\. first\n\\- second\n\\-\u2060-\u2060-"
    assert describe.markdown("1.5 points") == "1.5 points"
    assert describe.markdown("60 poisons, 1 %; “speed 30”") == "60 poisons, 1 %; “speed 30”"
