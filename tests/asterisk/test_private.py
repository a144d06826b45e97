"""A private Asterisk is fetched whole or not at all, from the machine's own mirror. apt-get is played by a script."""

from __future__ import annotations

import io
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from acd.asterisk import packages, private
from acd.asterisk.private import PrivatePbxError

SOON_SECONDS = 10.0
MIRROR = "http://mirror.example/debian"
URIS = "'{}/dists/{}/InRelease' mirror_dists_InRelease 0 "
ASTERISK_FILES = {
    "lib/x86_64-linux-gnu/ld-2.31.so": 0o755,
    "usr/sbin/asterisk": 0o755,
    "usr/lib/x86_64-linux-gnu/asterisk/modules/app_dial.so": 0o644,
    "usr/share/asterisk/sounds/en_US_f_Allison/hello-world.gsm": 0o644,
    "usr/bin/mount": 0o4755,
}
SIPP_FILES = {
    "lib/x86_64-linux-gnu/ld-2.31.so": 0o755,
    "usr/bin/sipp": 0o755,
    "usr/share/sip-tester/dtmf_2833_1.pcap": 0o644,
}
DPKG_DEB = '#!/bin/sh\nexec tar -xf "$2" -C "$3"\n'
APT_GET = """#!/bin/sh
# Called as `apt-get update --print-uris`, or as `apt-get -y -c CONFIG …`.
case "$*" in
"update --print-uris") {print_uris} ;;
*update) {update} ;;
*) {install} ;;
esac
"""


class Machine:
    """A Debian with an apt-get that does as it is told, and no Asterisk."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.cache = folder / "cache"
        self._debs = folder / "debs"
        self._sources = folder / "sources.list"
        for made in (self.programs, self._debs):
            made.mkdir()
        self.has(ASTERISK_FILES)
        self.program("dpkg-deb", DPKG_DEB)
        self.apt()

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def apt(self, *, uris: str = URIS.format(MIRROR, "bookworm"), update: str = "", install: str = "") -> None:
        """`update` and `install` are shell commands, to be done in place of what apt-get does."""
        (self.programs / "uris").write_text(uris + "\n")
        self.program(
            "apt-get",
            APT_GET.format(
                print_uris=f"cat '{self.programs}/uris'",
                update=update or f'cp "$(dirname "$3")/sources.list" \'{self._sources}\'',
                install=install or f'cp \'{self._debs}\'/*.deb "$(dirname "$3")/cache/archives/"',
            ),
        )

    def has(self, files: dict[str, int], package: str = "some") -> None:
        """One package, whose files these are."""
        with tarfile.open(self._debs / f"{package}.deb", "w") as deb:
            for name, mode in files.items():
                entry = tarfile.TarInfo(name)
                entry.mode = mode
                deb.addfile(entry, io.BytesIO())

    @property
    def source(self) -> str:
        """What apt-get was told to fetch from."""
        return self._sources.read_text()

    @property
    def cached(self) -> set[str]:
        return {path.name for path in self.cache.iterdir() if path.suffix != ".lock"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("ACD_CACHE", str(made.cache))
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    monkeypatch.setattr(private, "SYSTEM_PROGRAMS", "")
    monkeypatch.setattr(packages, "machine", lambda: ("debian", "bookworm"))
    return made


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(PrivatePbxError) as caught:
        work()
    line = str(caught.value)
    assert "\n" not in line
    return line


# ---- Fetched, and found again


def test_what_is_fetched_is_found_again_without_asking_anybody(machine: Machine) -> None:
    assert private.find("22") is None

    fetched = private.install("22")
    machine.apt(uris="", update="exit 100")

    assert private.find("22") == private.install("22") == private.find() == fetched
    assert machine.cached == {"asterisk-22-r1"}
    assert fetched.release == "22"
    assert fetched.modules == fetched.root / "usr/lib/x86_64-linux-gnu/asterisk/modules"
    assert fetched.command("-V")[0] == str(fetched.root / "lib/x86_64-linux-gnu/ld-2.31.so")
    assert fetched.command("-V")[-2:] == [str(fetched.root / "usr/sbin/asterisk"), "-V"]
    assert (fetched.data / "sounds/en/hello-world.gsm").exists()


def test_each_release_comes_from_its_suite(machine: Machine) -> None:
    private.install("22")
    assert f" {MIRROR} sid main\n" in machine.source

    private.install("16")
    assert f" {MIRROR} bullseye main\n" in machine.source
    assert machine.cached == {"asterisk-22-r1", "asterisk-16-r1"}


def test_sipp_is_fetched_and_found_again(machine: Machine) -> None:
    machine.has(SIPP_FILES)
    assert private.find_sipp() is None

    fetched = private.install_sipp()

    assert private.find_sipp() == fetched
    assert f" {MIRROR} bookworm main\n" in machine.source
    assert (fetched.recordings / "dtmf_2833_1.pcap").exists()


def test_an_asterisk_of_the_machine_comes_first(machine: Machine, tmp_path: Path) -> None:
    prefix = tmp_path / "own"
    for folder in ("sbin", "lib/asterisk/modules", "share/asterisk/documentation"):
        (prefix / folder).mkdir(parents=True)
    machine.program("asterisk", "#!/bin/sh\necho 'Asterisk certified-20.7-cert3'\n")
    (machine.programs / "asterisk").rename(prefix / "sbin/asterisk")
    (machine.programs / "asterisk").symlink_to(prefix / "sbin/asterisk")

    own = private.install()

    assert (own.release, own.root) == ("20", Path("/"))
    assert (own.modules, own.data) == (prefix / "lib/asterisk/modules", prefix / "share/asterisk")
    assert private.find("22") is None  # it is another one
    assert not machine.cache.exists()


def test_no_set_uid_program_comes_along(machine: Machine) -> None:
    root = private.install("22").root

    assert stat.S_IMODE((root / "usr/bin/mount").stat().st_mode) == 0o755


def test_it_tells_what_it_does(machine: Machine) -> None:
    lines = ["20 newly installed, 0 to remove", "Need to get 92.1 MB of archives.", *["Get:1 http://x y"] * 20]
    copy = f'cp \'{machine.programs.parent}/debs\'/*.deb "$(dirname "$3")/cache/archives/"'
    machine.apt(install="\n".join(f"echo '{line}'" for line in lines) + f"\n{copy}")
    told: list[str] = []

    private.install("22", told.append)

    assert told[:2] == ["Asking Debian sid for its packages …", "Downloading 20 packages, 92.1 MB …"]
    assert told[2:-1] == [f"Downloading: {count} of 20 packages" for count in range(2, 21, 2)]
    assert told[-1] == "Unpacking 1 packages …"


# ---- The mirror


@pytest.mark.parametrize(
    ("uris", "address"),
    [
        (URIS.format("https://deb.example/debian/", "bookworm"), "https://deb.example/debian"),
        (URIS.format("http://deb.example/debian", "stable"), "http://deb.example/debian"),
        (
            "\n".join(
                [URIS.format("cdrom://[Debian]/debian", "bookworm"), URIS.format("http://deb.example/d", "bookworm")]
            ),
            "http://deb.example/d",
        ),
        # Security updates and somebody else's packages are no mirror.
        (
            "\n".join(
                [
                    URIS.format("https://others.example/linux/debian", "bookworm"),
                    URIS.format("http://security.example/debian-security", "bookworm-security"),
                    URIS.format("http://deb.example/mirror", "bookworm"),
                    URIS.format("http://deb.example/mirror", "bookworm-updates"),
                ]
            ),
            "http://deb.example/mirror",
        ),
        (
            "\n".join([URIS.format("http://others.example/tools", "bookworm"), URIS.format(MIRROR, "bookworm")]),
            MIRROR,
        ),
    ],
    ids=["its address", "its other name", "no medium", "with updates beside it", "named like the distribution"],
)
def test_the_mirror_is_that_of_the_machines_own_apt(machine: Machine, uris: str, address: str) -> None:
    machine.apt(uris=uris)

    private.install("22")

    assert f" {address} sid main\n" in machine.source


def test_a_machine_without_a_mirror_says_where_to_add_one(machine: Machine) -> None:
    machine.apt(uris=URIS.format("http://deb.example/debian", "trixie"))

    assert refused(lambda: private.install("22")) == (
        "asterisk-22 could not be installed: no mirror of debian bookworm is set up in /etc/apt; "
        "add one there, or install Asterisk yourself"
    )


# ---- What fails


@pytest.mark.parametrize(
    ("update", "install", "reason"),
    [
        (
            "echo 'Err:1 http://mirror.example sid'; echo 'E: Failed to fetch x  Could not resolve'; exit 100",
            "",
            "Failed to fetch x  Could not resolve",
        ),
        ("echo 'Err:1 http://mirror.example sid' >&2; exit 100", "", "Err:1 http://mirror.example sid"),
        (
            "",
            "echo Reading; echo 'E: Unable to locate package asterisk'; exit 100",
            "Unable to locate package asterisk",
        ),
        ("", "kill -9 $$", "apt-get failed and did not say why"),
    ],
    ids=["no network", "no reason but a failed line", "no such package", "killed"],
)
def test_a_failure_of_apt_is_one_clear_line(machine: Machine, update: str, install: str, reason: str) -> None:
    machine.apt(update=update, install=install)

    line = refused(lambda: private.install("22"))

    assert line.startswith(f"asterisk-22 could not be installed: {reason}")
    assert line.endswith("(check the network and the mirrors in /etc/apt, then try again)")
    assert machine.cached == set()


def test_a_damaged_package_is_one_clear_line(machine: Machine) -> None:
    machine.program("dpkg-deb", "#!/bin/sh\necho 'dpkg-deb: error: not a Debian archive' >&2\nexit 2\n")

    line = refused(lambda: private.install("22"))

    assert line.startswith("asterisk-22 could not be installed: a package could not be unpacked into ")
    assert line.endswith(": dpkg-deb: error: not a Debian archive")
    assert machine.cached == set()


@pytest.mark.parametrize("tool", ["apt-get", "dpkg-deb"])
def test_a_machine_without_apt_is_told(machine: Machine, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.programs / tool).unlink()
    monkeypatch.setenv("PATH", str(machine.programs))

    assert refused(lambda: private.install("22")) == (
        f"asterisk-22 could not be installed: {tool} was not found on the PATH; it belongs to every Debian and Ubuntu"
    )


def test_another_distribution_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "machine", lambda: ("fedora", "43"))

    assert refused(lambda: private.install("22")) == (
        "asterisk-22 could not be installed: it can be fetched on Debian and Ubuntu, and this is fedora; "
        "install it so that it is on the PATH"
    )


def test_a_release_that_there_is_not(machine: Machine) -> None:
    for ask in (private.find, private.install):
        assert refused(lambda ask=ask: ask("99")) == "there is no private Asterisk 99: the releases are 22 and 16"


def test_a_cache_that_cannot_be_written_to(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACD_CACHE", str(machine.programs / "apt-get"))

    line = refused(lambda: private.install("22"))

    assert line.startswith("asterisk-22 could not be installed: File exists: ")
    assert line.endswith("(it takes half a gigabyte; ACD_CACHE names another folder for it)")


def test_a_package_that_lacks_the_program_is_not_taken_for_an_asterisk(machine: Machine) -> None:
    machine.has({"usr/share/doc/readme": 0o644})

    assert refused(lambda: private.install("22")).endswith("is not complete: remove it and install again")


# ---- What is interrupted


class Interrupted(BaseException):
    """As Ctrl-C is, but not for pytest."""


@pytest.mark.parametrize("moment", ["Asking", "Downloading", "Unpacking"])
def test_an_interrupted_installation_leaves_nothing_with_a_final_name(machine: Machine, moment: str) -> None:
    copy = f'cp \'{machine.programs.parent}/debs\'/*.deb "$(dirname "$3")/cache/archives/"'
    machine.apt(install=f"echo 'Need to get 92.1 MB of archives.'\n{copy}")

    def interrupt(told: str) -> None:
        if told.startswith(moment):
            raise Interrupted

    with pytest.raises(Interrupted):
        private.install("22", interrupt)

    assert machine.cached == set()
    assert private.find("22") is None
    assert private.install("22") == private.find("22")


def test_what_a_killed_installation_left_behind_is_no_asterisk_and_goes_with_the_next(machine: Machine) -> None:
    leftover = machine.cache / "asterisk-22.part-abc" / "root" / "usr"
    leftover.mkdir(parents=True)
    others = machine.cache / "asterisk-16.part-def"
    others.mkdir()

    assert private.find("22") is None
    private.install("22")

    assert machine.cached == {"asterisk-22-r1", "asterisk-16.part-def"}


def test_the_second_of_two_installations_waits_for_the_first_and_fetches_nothing(machine: Machine) -> None:
    fetches = machine.programs.parent / "fetches"
    copy = f'cp \'{machine.programs.parent}/debs\'/*.deb "$(dirname "$3")/cache/archives/"'
    machine.apt(install=f"echo fetched >> '{fetches}'\n{copy}")
    first_is_at_it, second_waits = threading.Event(), threading.Event()
    done: list[private.Installation] = []

    def first_says(told: str) -> None:
        if told.startswith("Unpacking"):
            first_is_at_it.set()
            assert second_waits.wait(SOON_SECONDS)

    def second_says(told: str) -> None:
        assert told == "Waiting for another process that is installing asterisk-22 …"
        second_waits.set()

    first = threading.Thread(target=lambda: done.append(private.install("22", first_says)))
    first.start()
    assert first_is_at_it.wait(SOON_SECONDS)
    done.append(private.install("22", second_says))
    first.join(SOON_SECONDS)

    assert second_waits.is_set()
    assert done[0] == done[1]
    assert fetches.read_text() == "fetched\n"
