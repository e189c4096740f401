"""What rendered HTML may consist of, checked with a parser that knows nothing of how it was made."""

from html.parser import HTMLParser

TAGS = set(
    """p br hr strong em s a code pre span ul ol li blockquote table thead tbody tr th td
    div details summary""".split()
)
VOID = {"br", "hr"}


class Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.text: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            self.check_attribute(tag, name, value or "")
        if tag not in VOID:
            self.stack.append(tag)

    def check_attribute(self, tag: str, name: str, value: str) -> None:
        if name == "href":
            assert tag == "a"
            assert value.lower().startswith(("http://", "https://", "mailto:")), value
            assert not any(mark in value for mark in "\u202e\u2066<>")
            self.links.append(value)
        elif name == "rel":
            assert value == "noopener noreferrer nofollow"
        elif name == "title":
            assert value.startswith("U+20")
        elif name == "start":
            assert value.isdecimal()
        else:
            assert (tag, name) == ("details", "open") or name == "class", (tag, name)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("a processing instruction")


def check(html: str) -> Checker:
    """Assert that the HTML has only tags and attributes that are allowed, all closed, and can be sent."""
    html.encode()
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.stack
    return checker


def text_of(html: str) -> str:
    """Return the text a reader sees, after the same checks."""
    return "".join(check(html).text)
