"""A private Asterisk, and SIPp: found on this machine, or fetched from its distribution's packages into a cache.

The cache lies outside the checkout and is shared by all of this user's checkouts. What has its final name in it is
complete; whatever was interrupted goes at the next installation.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from acd.asterisk import packages
from acd.asterisk.packages import OWN_SUITE, PrivatePbxError, Say, Suite

__all__ = ["Installation", "PrivatePbxError", "Sipp", "find", "find_sipp", "install", "install_sipp"]

RELEASES = ("22", "16")
DEFAULT_RELEASE = RELEASES[0]
RECIPE = "r1"
"""Counts on when something else is made of the packages, or of other packages: older caches are then left alone."""
PACKAGES = {
    "asterisk": ("asterisk", "asterisk-core-sounds-en-gsm", "asterisk-moh-opsound-wav"),
    "sipp": ("sip-tester",),
}
# Ubuntu's own suite has one Asterisk, whatever its number; focal's is the last 16 that Ubuntu had.
SUITES = {
    ("asterisk-22", "debian"): Suite("debian", "sid", "main"),
    ("asterisk-16", "debian"): Suite("debian", "bullseye", "main"),
    ("sipp", "debian"): Suite("debian", "bookworm", "main"),
    ("asterisk-22", "ubuntu"): Suite("ubuntu", OWN_SUITE, "main universe"),
    ("asterisk-16", "ubuntu"): Suite("ubuntu", "focal", "main universe"),
    ("sipp", "ubuntu"): Suite("ubuntu", OWN_SUITE, "main universe"),
}
SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin"
"""Where Asterisk lies, and what the PATH of an ordinary user often lacks."""


def _quiet(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Installation:
    """An Asterisk that can be started: the machine's own, or one that was unpacked into the cache."""

    release: str
    root: Path
    """The folder that everything of it lies in; / for the machine's own."""
    program: tuple[str, ...]
    modules: Path
    data: Path

    def command(self, *arguments: str) -> list[str]:
        return [*self.program, *arguments]


@dataclass(frozen=True)
class Sipp:
    """SIPp, and the folder of the recordings (dtmf_2833_1.pcap …) that come with it."""

    program: tuple[str, ...]
    recordings: Path

    def command(self, *arguments: str) -> list[str]:
        return [*self.program, *arguments]


def find(release: str | None = None) -> Installation | None:
    """What is there already. Without a release: the machine's own before a fetched one. PrivatePbxError."""
    own = _machines_own()
    if own and release in (None, own.release):
        return own
    release = release or DEFAULT_RELEASE
    if release not in RELEASES:
        raise PrivatePbxError(f"there is no private Asterisk {release}: the releases are {' and '.join(RELEASES)}")
    root = _cached(f"asterisk-{release}")
    return _unpacked(release, root) if root.is_dir() else None


def install(release: str | None = None, say: Say = _quiet) -> Installation:
    """What is there already, else fetched. PrivatePbxError."""
    if found := find(release):
        return found
    release = release or DEFAULT_RELEASE
    return _unpacked(release, _fetch(f"asterisk-{release}", say))


def find_sipp() -> Sipp | None:
    """What is there already: a SIPp on the PATH before a fetched one."""
    root = _cached("sipp")
    recordings = [Path("/usr/share/sip-tester"), root / "usr/share/sip-tester"]
    own = shutil.which("sipp")
    for folder in recordings:
        if own and folder.is_dir():
            return Sipp((own,), folder)
    return _unpacked_sipp(root) if root.is_dir() else None


def install_sipp(say: Say = _quiet) -> Sipp:
    """What is there already, else fetched. PrivatePbxError."""
    return find_sipp() or _unpacked_sipp(_fetch("sipp", say))


# ---- The cache


def cache() -> Path:
    if own := os.environ.get("ACD_CACHE"):
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "acd"


def _cached(name: str) -> Path:
    return cache() / f"{name}-{RECIPE}"


def _fetch(name: str, say: Say) -> Path:
    target = _cached(name)
    try:
        cache().mkdir(parents=True, exist_ok=True)
        with _only_one(name, say):
            if not target.is_dir():
                _fetch_into(target, name, say)
    except OSError as error:
        raise PrivatePbxError(
            f"{name} could not be installed: {error.strerror}: {error.filename or cache()} "
            "(it takes half a gigabyte; ACD_CACHE names another folder for it)"
        ) from error
    except PrivatePbxError as error:
        raise PrivatePbxError(f"{name} could not be installed: {error}") from error
    return target


def _fetch_into(target: Path, name: str, say: Say) -> None:
    wanted = PACKAGES[name.partition("-")[0]]
    suite = _suite_for(name)
    for leftover in target.parent.glob(f"{name}.part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}.part-", dir=target.parent) as world:
        root = packages.unpack(wanted, suite, Path(world), say)
        _finish(root)
        root.rename(target)


def _suite_for(name: str) -> Suite:
    distribution, codename = packages.machine()
    suite = SUITES.get((name, distribution))
    if suite is None:
        raise PrivatePbxError(
            f"it can be fetched on Debian and Ubuntu, and this is {distribution}; install it so that it is on the PATH"
        )
    return replace(suite, codename=suite.codename or codename)


@contextmanager
def _only_one(name: str, say: Say) -> Iterator[None]:
    with (cache() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another process that is installing {name} …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ---- What lies where


def _unpacked(release: str, root: Path) -> Installation:
    return Installation(
        release=release,
        root=root,
        program=(*_through_loader(root), str(root / "usr/sbin/asterisk")),
        modules=_first(root, "usr/lib/asterisk/modules", "usr/lib/*/asterisk/modules"),
        data=root / "usr/share/asterisk",
    )


def _unpacked_sipp(root: Path) -> Sipp:
    return Sipp((*_through_loader(root), str(root / "usr/bin/sipp")), root / "usr/share/sip-tester")


def _through_loader(root: Path) -> tuple[str, ...]:
    """The loader of the same suite starts a program with the libraries that it was built against."""
    # Links to the loader may be absolute, and would lead out to the machine's own.
    loader = _first(root, "lib/*-linux-*/ld-*.so*", "usr/lib/*-linux-*/ld-*.so*")
    patterns = ("lib/*-linux-*", "usr/lib/*-linux-*", "usr/lib/*-linux-*/pulseaudio", "usr/lib")
    libraries = ":".join(str(path) for pattern in patterns for path in root.glob(pattern))
    return str(loader), "--inhibit-cache", "--library-path", libraries


def _first(root: Path, *patterns: str) -> Path:
    found = (path for pattern in patterns for path in sorted(root.glob(pattern)) if not path.is_symlink())
    if path := next(found, None):
        return path
    raise PrivatePbxError(f"{root} is not complete: remove it and install again")


def _finish(root: Path) -> None:
    """Does what the packages' own scripts would have done: of the voices that speak English, one is `en`."""
    for voice in sorted(root.glob("usr/share/asterisk/sounds/en_*"))[:1]:
        (voice.parent / "en").symlink_to(voice.name)


def _machines_own() -> Installation | None:
    program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:{SYSTEM_PROGRAMS}")
    if not program:
        return None
    said = subprocess.run([program, "-V"], capture_output=True, text=True, errors="replace", check=False).stdout
    release = re.match(r"Asterisk \D*(\d+)", said)
    prefix = Path(program).resolve().parents[1]
    modules = _existing(prefix, "lib/asterisk/modules", "lib64/asterisk/modules", "lib/*/asterisk/modules")
    documents = _existing(prefix, "share/asterisk/documentation", "var/lib/asterisk/documentation")
    documents = documents or _existing(Path("/var/lib/asterisk"), "documentation")
    if not (release and modules and documents):
        return None
    return Installation(release[1], Path("/"), (program,), modules, documents.parent)


def _existing(folder: Path, *patterns: str) -> Path | None:
    return next((path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_dir()), None)
