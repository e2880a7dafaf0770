"""Folders and .zip files that may not be what they say."""

import io
import os
import zipfile

import pytest

from tests.factories import NOW
from timetable.exchange import source
from timetable.exchange.faults import BundleRejected
from timetable.exchange.importing import import_bundle

from .bundle_files import COUNTS, FILES, write, zipped

pytestmark = pytest.mark.django_db


def reasons(bundle):
    with pytest.raises(BundleRejected) as rejected:
        import_bundle(bundle, now=NOW)
    return [str(fault) for fault in rejected.value.faults.shown]


def with_member(name, content="", **attributes):
    packed = zipped()
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        for attribute, value in attributes.items():
            setattr(info, attribute, value)
        archive.writestr(info, content)
    packed.seek(0)
    return packed


def test_a_path_that_leads_nowhere(tmp_path):
    missing = tmp_path / "gone"
    assert reasons(missing) == [f"{missing}: there is no such file or folder"]


def test_a_file_that_is_no_zip(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"not a zip at all")
    assert reasons(path) == ["bundle.zip: not a .zip file: File is not a zip file"]


def test_a_zip_that_was_cut_off(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped().getvalue()[:-30])
    assert reasons(path) == ["bundle.zip: not a .zip file: File is not a zip file"]


def test_a_zip_whose_content_was_damaged():
    packed = zipped({"institute.toml": FILES["institute.toml"] * 50}).getvalue()
    damaged = bytearray(packed)
    damaged[80:90] = b"0123456789"
    (reason,) = reasons(io.BytesIO(damaged))
    assert reason.startswith("institute.toml: cannot be read: ")


@pytest.mark.parametrize(
    "name", ["../rooms.csv", "/etc/rooms.csv", "a/../../rooms.csv", "C:\\rooms.csv", "a\\b.csv"]
)
def test_a_zip_that_leads_out_of_itself(name):
    # Python writes backslashes as they are; other programs read them as folders.
    assert reasons(with_member(name)) == [f"the upload: {name}: leads out of the .zip"]


def test_a_zip_with_a_link():
    packed = with_member("rooms.lnk", "/etc/passwd", external_attr=0o120777 << 16, create_system=3)
    assert reasons(packed) == ["the upload: rooms.lnk: is a link"]


def test_a_zip_with_a_password():
    packed = bytearray(zipped().getvalue())
    at = packed.index(b"PK\x01\x02")
    packed[at + 8] |= 1
    assert reasons(io.BytesIO(packed)) == ["the upload: institute.toml: is encrypted"]


def test_a_zip_packed_in_an_unusual_way():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("institute.toml", "")
    assert reasons(packed) == [
        "the upload: institute.toml: is packed in a way that is not supported"
    ]


def test_a_zip_that_would_blow_up():
    packed = with_member("meetings.csv.bak", "0" * 5_000_000)
    assert reasons(packed) == [
        "the upload: meetings.csv.bak: is packed too tightly to be a timetable"
    ]


def test_a_zip_larger_than_any_timetable(monkeypatch):
    monkeypatch.setattr(source, "LARGEST_BUNDLE", 1000)
    assert reasons(zipped()) == ["the upload: larger than 1000\xa0bytes when unpacked"]


def test_a_folder_larger_than_any_timetable(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LARGEST_BUNDLE", 1000)
    assert reasons(write(tmp_path / "b")) == ["b: larger than 1000\xa0bytes when unpacked"]


def test_a_zip_with_too_many_files():
    packed = zipped({f"{n}.txt": "" for n in range(1001)})
    assert reasons(packed) == ["the upload: holds more than 1000 files"]


def test_a_zip_that_holds_a_file_twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed = with_member("rooms.csv", "code\n")
    assert reasons(packed) == ["the upload: holds two files of the same name"]


def test_an_empty_zip():
    assert reasons(zipped({}))[0] == (
        "institute.toml: the file is missing: is this a timetable bundle?"
    )


def test_only_the_bundle_nearest_to_the_top_is_read():
    packed = zipped({**FILES, **{f"__MACOSX/._{name}": "junk" for name in FILES}})
    assert import_bundle(packed, now=NOW).counts == COUNTS


def test_what_is_no_file_is_not_read(tmp_path):
    """A named pipe would wait for ever."""
    folder = write(tmp_path / "bundle")
    os.mkfifo(folder / "notes.csv")
    (folder / "extra.csv").mkdir()
    assert import_bundle(folder, now=NOW).counts == COUNTS
