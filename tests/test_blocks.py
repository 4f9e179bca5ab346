"""The quick way to the blocks of a text finds what the parser finds in the whole of it."""

from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from peal.formats import blocks
from peal.formats.blocks import Blocks, blocks_of

LINES = st.sampled_from(
    [
        *[
            "- [ ] a",
            "* [x] b",
            "+ [~] c",
            "- [done] d",
            "-   [ ] e",
            "- [ ]",
            "- [ ] `f",
            "- [P] g",
            "- h",
            "1. [ ] i",
        ],
        *[
            "  - [ ] j",
            "  k",
            "l",
            "",
            " ",
            "# m",
            "## n ##",
            "### `o`",
            "#p",
            "> - [ ] q",
            "> r",
            "    s",
            "\t- [ ] t",
        ],
        *[
            "```",
            "~~~",
            "````sh",
            "  ```",
            "<!--",
            "-->",
            "- [ ] u <!-- v",
            "<div>",
            "</div>",
            "<pre>",
            "</pre>",
            "<?x",
            "?>",
        ],
        *[
            "<!X",
            ">",
            "---",
            "* * *",
            "- - -",
            "- # w",
            "- - [ ] x",
            "- ```",
            "- [ ] <b>y</b>",
            "``",
            "<![CDATA[",
            "]]>",
        ],
    ]
)


def whole(lines: list[str]) -> Blocks:
    """What the parser finds in the text at once."""
    tokens = blocks._parser().parse("\n".join(lines))
    closings = [at for at, line in enumerate(lines, 1) if "-->" in line]
    return Blocks(
        list(blocks._headings(tokens)),
        list(blocks._boxes(tokens, lines)),
        list(blocks._hidden(tokens, lines)),
        list(blocks._open_comments(tokens, closings)),
        list(blocks._too_deep(tokens)),
    )


def without_blank_ends(found: Blocks, lines: list[str]) -> list[tuple]:
    """The boxes, of which it does not matter how many blank lines after them belong to them."""
    ends = []
    for box in found.boxes:
        end = box.end
        while end > box.line and not lines[end - 1].strip():
            end -= 1
        ends.append((box.line, end, box.paragraph_end, box.depth, box.mark, box.text, box.indent))
    return ends


@given(st.lists(LINES, max_size=24))
@settings(max_examples=examples(1_000))
def test_parts_and_single_lines_are_read_as_the_whole_would_be(lines):
    found, expected = blocks_of(lines, lines), whole(lines)

    assert found.headings == expected.headings
    assert without_blank_ends(found, lines) == without_blank_ends(expected, lines)
    assert found.hidden == expected.hidden
    assert found.comments == expected.comments


def test_code_that_goes_on_over_many_parts_hides_what_is_in_it():
    lines = ["- [ ] a", "```", *(f"- [ ] {n}" for n in range(3_000)), "```", "- [ ] b"]

    found = blocks_of(lines, lines)

    assert [box.text for box in found.boxes] == ["a", "b"]
    assert [(block.line, block.end, block.is_closed) for block in found.hidden] == [(2, 3_003, True)]
