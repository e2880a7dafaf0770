"""What the look at a page finds on pages that are wrong on purpose, and what it lets pass."""

import pytest

from tests.browser.ways import LOOK

pytestmark = pytest.mark.browser


@pytest.fixture
def look(page):
    """`look(html, question)` is the answer about a page with this in its body."""
    page.set_viewport_size({"width": 320, "height": 400})

    def look(html, question):
        page.set_content(f"<!DOCTYPE html><html lang=en><title>x</title><body>{html}</body></html>")
        page.evaluate(LOOK.read_text(encoding="utf-8"))
        return page.evaluate(f"look.{question}()")

    return look


def test_targets_that_are_too_small_are_found_and_links_in_sentences_are_not(look):
    html = """
        <p>In a <a href="#">sentence</a> a link is as tall as its line.</p>
        <p><a href="#" style="font: 12px/1 serif">Alone</a></p>
        <p><button style="width: 20px; height: 20px; padding: 0">+</button></p>
        <p><label style="display: block; height: 30px"><input type="checkbox"> Yes</label></p>
        <div style="position: relative; height: 60px">
          <a href="#" style="font: 12px/1 serif">Card<span style="position: absolute; inset: 0"></span></a>
        </div>"""
    assert [said.partition(" is ")[0] for said in look(html, "tooSmall")] == [
        "a “Alone”",
        "button “+”",
    ]


@pytest.mark.parametrize(("room", "found"), [("", ["a “Last”"]), ("padding-bottom: 120px", [])])
def test_a_focus_under_a_bar_that_stays_is_found(look, room, found):
    html = f"""
        <div style="height: 900px"><a href="#">First</a></div>
        <a href="#" style="display: block">Last</a><div style="{room}"></div>
        <div style="position: fixed; inset: auto 0 0; height: 100px; background: red"></div>"""
    assert look(html, "hiddenFocus") == found


def test_what_is_wider_than_the_screen_is_found_unless_it_scrolls_by_itself(look):
    table = '<div style="width: 900px">wide</div>'
    assert (
        look(f'<div class="table-responsive" style="overflow: auto">{table}</div>', "tooWide") == []
    )
    (said,) = look(table, "tooWide")
    assert "px too wide, from div “wide”" in said


def test_motion_is_found(look):
    assert look('<p style="transition: color 5ms">quick</p>', "moving") == []
    assert look('<p class="slow" style="transition: color 200ms">slow</p>', "moving") == ["p.slow"]


def test_what_is_pushed_about_is_found(look, page):
    assert look('<p id="text">Here</p>', "shift") == []
    # Right after a page has got its size, browsers do not count what moves: push until they do.
    found = page.evaluate("""async () => {
        let found = [];
        for (let n = 0; n < 500 && !found.length; n++) {
            document.body.style.paddingTop = `${100 * (n % 2)}px`;
            found = await look.shift();
        }
        return found;
    }""")
    assert [said.partition(": ")[2] for said in found] == ["body “Here”"]
