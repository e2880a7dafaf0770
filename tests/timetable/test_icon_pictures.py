"""The icon as PNG: well formed, of the right size and colours, the same as the drawing, kept by browsers."""

import struct
import zlib

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.urls import reverse

from timetable import icon_pictures
from timetable.icon_pictures import PICTURES, Drawing

TEAL, WHITE = (0x15, 0x5E, 0x63), (255, 255, 255)


def chunks(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    rest = png[8:]
    while rest:
        (length,), kind = struct.unpack(">I", rest[:4]), rest[4:8]
        data, (check,) = rest[8 : 8 + length], struct.unpack(">I", rest[8 + length : 12 + length])
        assert check == zlib.crc32(kind + data)
        yield kind, data
        rest = rest[12 + length :]


def points(png):
    """`points[y][x]`, each red, green, blue and, where some are clear, how far it is not."""
    found = list(chunks(png))
    assert [kind for kind, _data in found] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours, *others = struct.unpack(">IIBBBBB", found[0][1])
    assert (width, depth, others) == (height, 8, [0, 0, 0])
    each = {2: 3, 6: 4}[colours]
    data = zlib.decompress(found[1][1])
    assert len(data) == height * (1 + width * each)
    rows = [data[n : n + 1 + width * each] for n in range(0, len(data), 1 + width * each)]
    assert {row[0] for row in rows} == {0}
    return [[tuple(row[1 + n * each : 1 + (n + 1) * each]) for n in range(width)] for row in rows]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_its_size_and_its_colours(client, name):
    response = client.get(icon_pictures.address(name))
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    found = points(response.content)
    size = PICTURES[name].size
    assert (len(found), len(found[0])) == (size, size)
    drawing = Drawing.read(PICTURES[name].drawing)
    foot = (drawing.top + drawing.straight + drawing.radius) / drawing.side
    middle = found[size // 2][size // 2]
    assert (middle[:3], found[int(foot * size)][size // 2][:3]) == (TEAL, WHITE)
    corner = found[0][0]
    if PICTURES[name].purpose == "maskable":
        assert corner == TEAL
    else:
        assert corner[3] == 0
        assert middle[3] == found[0][size // 2][3] == 255
    assert all(row == row[::-1] for row in found)


def test_browsers_keep_a_picture_and_ask_no_more(client):
    address = icon_pictures.address("apple-touch-icon")
    first = client.get(address)
    assert first["Cache-Control"] == "public, max-age=31536000, immutable"
    again = client.get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_an_earlier_release_named_is_still_there_but_not_for_ever(client):
    earlier = client.get(reverse("timetable:icon", args=["0123456789ab", "icon-192"]))
    assert (earlier.status_code, earlier["Cache-Control"]) == (200, "max-age=3600")
    assert client.get(reverse("timetable:icon", args=["x", "icon-193"])).status_code == 404


@pytest.mark.django_db
def test_every_page_names_the_picture_for_apple_s_devices(client):
    page = client.get("/accounts/login/").content.decode()
    address = icon_pictures.address("apple-touch-icon")
    assert f'<link rel="apple-touch-icon" href="{address}">' in page


def test_another_drawing_is_another_address(monkeypatch, tmp_path):
    before = icon_pictures.address("icon-192")
    changed = tmp_path / "icon.svg"
    changed.write_bytes(icon_pictures._file(icon_pictures.DRAWING).read_bytes() + b"\n")
    monkeypatch.setattr(icon_pictures, "_file", lambda name: changed)
    icon_pictures.mark.cache_clear()
    try:
        assert icon_pictures.address("icon-192") != before
    finally:
        icon_pictures.mark.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('stroke-linecap="round"', ""),
        ("M9 8v9", "M8 8v9"),
        ("V8", "v-8"),
        ("<path", "<path/><path"),
    ],
)
def test_a_drawing_that_is_not_understood_is_refused(monkeypatch, tmp_path, old, new):
    drawn = icon_pictures._file(icon_pictures.DRAWING).read_text()
    assert old in drawn
    changed = tmp_path / "icon.svg"
    changed.write_text(drawn.replace(old, new))
    monkeypatch.setattr(icon_pictures, "_file", lambda name: changed)
    with pytest.raises(ValueError, match="is "):
        Drawing.read(icon_pictures.DRAWING)


# In Chromium --------------------------------------------------------------------------------------

FARTHEST = """async ([drawing, picture, size]) => {
  const seen = [];
  for (const address of [drawing, picture]) {
    const image = new Image(size, size);
    image.src = address;
    await image.decode();
    const canvas = new OffscreenCanvas(size, size).getContext("2d");
    canvas.drawImage(image, 0, 0, size, size);
    seen.push(canvas.getImageData(0, 0, size, size).data);
  }
  let most = 0;
  let many = 0;
  for (let n = 0; n < seen[0].length; n += 4) {
    const [a, b] = seen.map((data) => [0, 1, 2].map((c) => (data[n + c] * data[n + 3]) / 255));
    const off = Math.max(...a.map((value, c) => Math.abs(value - b[c])));
    most = Math.max(most, off);
    if (off > 8) many += 1;
  }
  return [most, many / (size * size)];
}"""
"""By how much the two differ at most in one point, of 255, and the share of points that do at all."""


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_chromium_sees_the_drawing_in_each_picture(page, live_server, complaints):
    page.goto(f"{live_server.url}/accounts/login/")
    for name, picture in PICTURES.items():
        assert finders.find(picture.drawing)
        asked = [static(picture.drawing), icon_pictures.address(name), picture.size]
        most, share = page.evaluate(FARTHEST, asked)
        # Each draws the points on an edge in its own way.
        assert most < 96, name
        assert share < 0.01, name
    assert complaints == []
