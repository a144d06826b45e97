"""Packages of the distribution, unpacked into a folder of our own: without root, and nothing of the machine changes.

apt is given a private world: its own source, its own state, and an empty list of what is installed. So it resolves
every dependency, libc included, against the wanted suite. It keeps the machine's mirror, proxy and signature checks.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], object]
"""Is told, in a few words, what is being done at the moment."""

OWN_SUITE = ""
"""Stands for the suite that the machine itself runs."""
KEYRINGS = Path("/usr/share/keyrings")
ROLLING_NAMES = {"stable", "testing", "unstable", "sid"}
"""Names under which a Debian machine may call its suite in its sources."""


class PrivatePbxError(Exception):
    """What failed and what to do about it, in one line for people."""


@dataclass(frozen=True)
class Suite:
    """A release of a distribution, and the part of it that holds what we want."""

    distribution: str
    codename: str
    component: str


def unpack(packages: Sequence[str], suite: Suite, world: Path, say: Say) -> Path:
    """Fetches packages with all that they depend on; the folder in `world` that holds them side by side."""
    _need_tools()
    apt = _Apt(world, suite)
    say(f"Asking {suite.distribution.capitalize()} {suite.codename} for its packages …")
    apt.run(["update"])
    archives = apt.download(packages, say)
    root = world / "root"
    root.mkdir()
    say(f"Unpacking {len(archives)} packages …")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for failure in pool.map(lambda archive: _extract(archive, root), archives):
            if failure:
                raise PrivatePbxError(f"a package could not be unpacked into {root.parent.parent}: {failure}")
    _drop_privileges(root)
    return root


def machine() -> tuple[str, str]:
    """The machine's distribution and the codename of its release: ("debian", "bookworm")."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "unknown", ""
    return release["ID"], release.get("VERSION_CODENAME", "")


def mirror(distribution: str, codename: str) -> str:
    """The address from which this machine gets its distribution, whatever kind of file says so."""
    # apt reads its own files best: it prints what an update would fetch, without fetching anything.
    printed = _output_of(["apt-get", "update", "--print-uris"])
    found: list[tuple[str, str]] = re.findall(r"^'([^']+?)/?/dists/([^']+)/InRelease'", printed, re.MULTILINE)
    names = {codename, *ROLLING_NAMES}
    candidates = [address for address, name in found if name in names and not address.startswith("cdrom:")]
    if not candidates:
        raise PrivatePbxError(
            f"no mirror of {distribution} {codename} is set up in /etc/apt; add one there, or install Asterisk yourself"
        )
    # Others publish for the same suite too. Only the distribution itself has the suite's updates beside it.
    with_updates = {address for address, name in found if name == f"{codename}-updates"}
    return min(candidates, key=lambda address: (address not in with_updates, not address.endswith(f"/{distribution}")))


class _Apt:
    """apt-get in a world of its own."""

    def __init__(self, world: Path, suite: Suite) -> None:
        self._config = world / "apt.conf"
        self._archives = world / "cache" / "archives"
        self._suite = suite
        (self._archives / "partial").mkdir(parents=True)
        (world / "state" / "lists" / "partial").mkdir(parents=True)
        (world / "status").touch()
        (world / "sources.list").write_text(_source(suite))
        self._config.write_text(_CONFIG.format(world=world))

    def run(self, arguments: Sequence[str], hear: Say = lambda line: None) -> None:
        command = ["apt-get", "-y", "-c", str(self._config), *arguments]
        lines = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    hear(line)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise PrivatePbxError(f"{_reason(lines)} (check the network and the mirrors in /etc/apt, then try again)")

    def download(self, packages: Sequence[str], say: Say) -> list[Path]:
        self.run(["install", "--download-only", *packages], _Counter(say).hear)
        return sorted(self._archives.glob("*.deb"))


# Comes after the machine's own configuration and has the last word.
_CONFIG = """\
Dir::Etc::SourceList "{world}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "{world}/state";
Dir::State::Status "{world}/status";
Dir::Cache "{world}/cache";
Dir::Cache::Archives "archives/";
Dir::Log "{world}";
APT::Default-Release "";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"""


def _source(suite: Suite) -> str:
    options = ["target=Packages", "lang=none"]
    keyring = next((path for path in sorted(KEYRINGS.glob(f"{suite.distribution}-archive-keyring.*"))), None)
    if keyring:
        options.append(f"signed-by={keyring}")
    address = mirror(suite.distribution, machine()[1])
    return f"deb [{' '.join(options)}] {address} {suite.codename} {suite.component}\n"


class _Counter:
    """Tells of a download after each tenth of it, from what apt-get prints."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._all = self._got = self._told = 0

    def hear(self, line: str) -> None:
        if count := re.search(r"(\d+) newly installed", line):
            self._all = int(count[1])
        elif size := re.match(r"Need to get ([\d,.]+ \w+)", line):
            self._say(f"Downloading {self._all} packages, {size[1]} …")
        elif line.startswith("Get:"):
            self._got += 1
            tenths = self._got * 10 // max(self._all, 1)
            if tenths > self._told:
                self._told = tenths
                self._say(f"Downloading: {self._got} of {self._all} packages")


def _reason(lines: Iterable[str]) -> str:
    told = [line.strip() for line in lines if line.startswith(("E: ", "Err:"))]
    errors = [line for line in told if line.startswith("E: ")]
    return (errors or told or ["apt-get failed and did not say why"])[0].removeprefix("E: ")


def _extract(archive: Path, root: Path) -> str:
    """Empty, or why it could not be done."""
    done = subprocess.run(
        ["dpkg-deb", "-x", archive, root], capture_output=True, text=True, errors="replace", check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def _drop_privileges(root: Path) -> None:
    """Set-uid programs that nobody will ever update have no place in a cache."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            mode = path.lstat().st_mode
            if mode & 0o6000 and not path.is_symlink():
                path.chmod(mode & 0o777)


def _need_tools() -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise PrivatePbxError(f"{tool} was not found on the PATH; it belongs to every Debian and Ubuntu")


def _output_of(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return str(done.stdout)
