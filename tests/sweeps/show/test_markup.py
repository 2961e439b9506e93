"""Names from data can't make markup, in Markdown and in HTML."""

from html.parser import HTMLParser

import pytest

from sweeps.show.markup import html_with_code, markdown_table, markdown_text, markdown_with_code
from sweeps.studies.document import Document, Section, Table, to_html, to_markdown

IMAGE = "<img src=x onerror=alert(1)>"
HOSTILE = (
    IMAGE,
    f"`{IMAGE}`",
    f"`a``{IMAGE}`",
    f"x``{IMAGE}`y`",
    f"a\n\n{IMAGE}",
    f"`a\n\n{IMAGE}`",
    f"</td></table>{IMAGE}",
    f"</code></script>{IMAGE}",
    f'" {IMAGE}',
    f"|{IMAGE}|",
    f"\\{IMAGE}",
    f"\\`{IMAGE}",
)


class Tags(HTMLParser):
    """The tags of a page that nobody but a hostile name could have made."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img" or any(name.startswith("on") for name, _ in attributes):
            self.found.append((tag, attributes))


def document(name):
    table = Table.of([{name: name, "seed": "0"}])
    return Document(
        name="x",
        title=name,
        simulated=name,
        summary=(name,),
        overview=table,
        sources=({"results": name},),
        command=f"sweeps report replication --from-results '{name}'",
        notes=(name,),
        sections=(Section(title=name, lines=(name,), tables=(table,), terms=((name, name),)),),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_makes_a_tag_in_a_report(name):
    assert Tags(to_html(document(name))).found == []
    assert "<img" not in to_markdown(document(name))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_makes_a_tag_by_any_way_of_writing(name):
    for written in (markdown_text(name), markdown_with_code(name), *markdown_table([name], [[name]])):
        assert "<img" not in written
        assert "\n" not in written
    assert Tags(html_with_code(name)).found == []


def test_a_name_makes_no_link():
    assert "](" not in markdown_text("[a](javascript:alert(1))")
    assert "]:" not in markdown_text("[a]: javascript:alert(1)")


def test_code_stays_code():
    assert markdown_with_code("run `sweeps list --out a_b` *now*") == r"run `sweeps list --out a_b` \*now\*"
