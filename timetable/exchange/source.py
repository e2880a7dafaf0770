"""The files of a bundle, in a folder or a .zip of one.

Nothing of a .zip is ever unpacked to disk, and nothing is read before its size is known to be bearable.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from .faults import BundleRejected

HEAD = "institute.toml"
LARGEST_BUNDLE = 512 * 1024**2
"""Bytes, all files together, unpacked."""

MOST_MEMBERS = 1000
TIGHTEST_PACKING = 250
"""Text does not shrink further than this; what does, is made to blow up."""

WORTH_CHECKING = 1024**2

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


class Source(ABC):
    """Where the files of one bundle are read from."""

    label: str

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The names of the files there are, with their sizes in bytes."""

    @abstractmethod
    def _open(self, name: str) -> BinaryIO: ...

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The file's bytes. Raises BundleRejected where they cannot be had."""
        try:
            with self._open(name) as stream:
                yield stream
        except UNREADABLE as error:
            raise BundleRejected.because(name, _("cannot be read: %s") % error) from error

    def _check_size(self) -> None:
        if sum(self.sizes.values()) > LARGEST_BUNDLE:
            raise BundleRejected.because(
                self.label,
                _("larger than %s when unpacked") % filesizeformat(LARGEST_BUNDLE),
            )


class Folder(Source):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = path.name or str(path)
        try:
            self._sizes = {
                entry.name: entry.stat().st_size for entry in path.iterdir() if entry.is_file()
            }
        except OSError as error:
            raise BundleRejected.because(self.label, _("cannot be read: %s") % error) from error
        self._check_size()

    @property
    def sizes(self) -> dict[str, int]:
        return self._sizes

    def _open(self, name: str) -> BinaryIO:
        return (self.path / name).open("rb")


class ZipArchive(Source):
    """A .zip with the files at its top, or in one folder."""

    def __init__(self, file: Path | BinaryIO, label: str) -> None:
        self.label = label
        try:
            self._zip = zipfile.ZipFile(file)
        except (*UNREADABLE, ValueError, struct.error) as error:
            raise BundleRejected.because(label, _("not a .zip file: %s") % error) from error
        members = [info for info in self._zip.infolist() if not info.is_dir()]
        self._check(members)
        root = self._root(members)
        self._members = {
            path.name: info
            for info in members
            if (path := PurePosixPath(info.filename)).parent == root
        }
        if len(self._members) != sum(PurePosixPath(m.filename).parent == root for m in members):
            raise BundleRejected.because(label, _("holds two files of the same name"))
        self._check_size()

    @property
    def sizes(self) -> dict[str, int]:
        return {name: info.file_size for name, info in self._members.items()}

    def _open(self, name: str) -> BinaryIO:
        return io.BufferedReader(self._zip.open(self._members[name]))  # type: ignore[type-var]

    def _check(self, members: list[zipfile.ZipInfo]) -> None:
        if len(members) > MOST_MEMBERS:
            raise BundleRejected.because(self.label, _("holds more than %d files") % MOST_MEMBERS)
        for info in members:
            if reason := _suspicion(info):
                raise BundleRejected.because(self.label, f"{info.filename[:100]}: {reason}")

    @staticmethod
    def _root(members: list[zipfile.ZipInfo]) -> PurePosixPath:
        """The folder that holds institute.toml, nearest to the top."""
        heads = [
            path.parent
            for info in members
            if (path := PurePosixPath(info.filename)).name == HEAD and len(path.parts) <= 2
        ]
        return min(heads, key=lambda path: (len(path.parts), path), default=PurePosixPath())


def _suspicion(info: zipfile.ZipInfo) -> str:
    """Why this member of a .zip is not to be read; empty if it may be."""
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
        return _("leads out of the .zip")
    if stat.S_ISLNK(info.external_attr >> 16):
        return _("is a link")
    if info.flag_bits & 0x1:
        return _("is encrypted")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return _("is packed in a way that is not supported")
    if info.file_size > WORTH_CHECKING and info.file_size > info.compress_size * TIGHTEST_PACKING:
        return _("is packed too tightly to be a timetable")
    return ""


def open_source(bundle: Path | BinaryIO, label: str = "") -> Source:
    """The bundle at a path (a folder or a .zip), or in an uploaded .zip. Raises BundleRejected."""
    if not isinstance(bundle, Path):
        return ZipArchive(bundle, label or _("the upload"))
    if bundle.is_dir():
        return Folder(bundle)
    if not bundle.exists():
        raise BundleRejected.because(str(bundle), _("there is no such file or folder"))
    return ZipArchive(bundle, bundle.name)
