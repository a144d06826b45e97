"""The configuration of a private Asterisk: what an operator's has, with every address on the loopback."""

from __future__ import annotations

import math
import re
import secrets
import shutil
import struct
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acd.asterisk.ports import LOOPBACK, Ports
from acd.asterisk.private import Installation

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
"""Where the files lie that an operator copies: in an installed package, or in the checkout."""
AMI_USER = "acd"
DIALPLANS = ("acd.conf", "acd-callbacks.conf", "acd-features.conf")
FOLDERS = ("etc/manager.d", "log", "lib", "cache", "spool/outgoing", "spool/acd", "keys", "data/sounds")


@dataclass(frozen=True)
class Endpoint:
    """A telephone, or a trunk. With a password it registers; with a contact (sip:127.0.0.1:5070) it is called there."""

    name: str
    password: str = ""
    contact: str = ""
    context: str = "from-phones"
    extra: str = ""
    """More lines for its endpoint section."""


@dataclass(frozen=True)
class PbxSettings:
    """What is asked of a private Asterisk. Everything has a default that works."""

    endpoints: tuple[Endpoint, ...] = ()
    dialplan: str = ""
    """The operator's part of extensions.conf, after `#include "acd.conf"`."""
    trunk: Endpoint = Endpoint("trunk", context="from-trunk")
    """Whoever calls from the loopback and is none of the endpoints, without a password. SIPp, for example."""
    ports: Ports | None = None
    """Free ones are chosen where none are given."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    files: Mapping[str, str] = field(default_factory=dict)
    """More lines, by the name of the file that they are added to (queues.conf, musiconhold.conf …)."""


def write(folder: Path, installation: Installation, settings: PbxSettings, ports: Ports, run: Path) -> Path:
    """Writes it all below `folder`; the asterisk.conf that it begins with."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    etc = folder / "etc"
    _link_data(installation.data, folder / "data")
    for ours in DIALPLANS:
        shutil.copyfile(SHIPPED / "dialplans" / ours, etc / ours)
    ami_user = etc / "manager.d" / "acd.conf"
    ami_user.touch(mode=0o600)
    ami_user.write_text(_with_secret((SHIPPED / "deploy/asterisk/manager.d/acd.conf").read_text(), settings.secret))
    contents = {
        "asterisk.conf": _asterisk_conf(folder, installation, run),
        "modules.conf": _modules_conf(installation.modules),
        "manager.conf": _MANAGER_CONF.format(address=LOOPBACK, port=ports.ami),
        "pjsip.conf": _pjsip_conf(settings, ports),
        "rtp.conf": f"[general]\nrtpstart = {ports.rtp.start}\nrtpend = {ports.rtp.stop - 1}\nicesupport = no\n",
        "extensions.conf": "".join(f'#include "{ours}"\n' for ours in DIALPLANS) + f"\n{settings.dialplan}\n",
        **_SMALL_FILES,
    }
    for name in {*contents, *settings.files}:
        (etc / name).write_text(contents.get(name, "") + settings.files.get(name, ""))
    return etc / "asterisk.conf"


def _link_data(shared: Path, own: Path) -> None:
    """Sounds and documents stay where they are, but what a call records must not land among them."""
    for source in [*shared.glob("*"), *shared.glob("sounds/*")]:
        target = own / source.relative_to(shared)
        if source.exists() and not target.exists():
            target.symlink_to(source)
    if not any(own.glob("moh/*.*")):
        (own / "moh").unlink(missing_ok=True)
        (own / "moh").mkdir()
        write_tone(own / "moh" / "tone.wav")


def write_tone(path: Path, seconds: int = 4) -> None:
    """Two notes that take turns: music enough where no music is installed."""
    rate = 8000
    notes = (330 if moment // rate % 2 else 440 for moment in range(seconds * rate))
    samples = (int(6000 * math.sin(2 * math.pi * note * moment / rate)) for moment, note in enumerate(notes))
    with wave.open(str(path), "wb") as tone:
        tone.setparams((1, 2, rate, 0, "NONE", ""))
        tone.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def _with_secret(shipped: str, secret: str) -> str:
    return re.sub(r"(?m)^secret\s*=.*$", lambda _: f"secret = {secret}", shipped)


def _asterisk_conf(folder: Path, installation: Installation, run: Path) -> str:
    return f"""\
[directories]
astetcdir = {folder}/etc
astmoddir = {installation.modules}
astvarlibdir = {folder}/lib
astdbdir = {folder}/lib
astkeydir = {folder}/keys
astdatadir = {folder}/data
astagidir = {folder}/data/agi-bin
astcachedir = {folder}/cache
astspooldir = {folder}/spool
astlogdir = {folder}/log
astrundir = {run}

[options]
nocolor = yes
hideconnect = yes
live_dangerously = no
"""


def _modules_conf(folder: Path) -> str:
    there = [name for name in MODULES.split() if (folder / f"{name}.so").exists()]
    return "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in there)


def _pjsip_conf(settings: PbxSettings, ports: Ports) -> str:
    trunk = settings.trunk
    sections = [_PJSIP_GENERAL.format(address=LOOPBACK, port=ports.sip)]
    sections += map(_endpoint, (*settings.endpoints, trunk))
    sections.append(f"[{trunk.name}]\ntype = identify\nendpoint = {trunk.name}\nmatch = {LOOPBACK}\n")
    return "\n".join(sections)


def _endpoint(endpoint: Endpoint) -> str:
    name = endpoint.name
    lines = [f"[{name}]", "type = endpoint", f"context = {endpoint.context}", f"aors = {name}", _MEDIA.strip()]
    if endpoint.password:
        lines.append(f"auth = {name}")
    lines += [endpoint.extra, f"[{name}]", "type = aor"]
    if endpoint.contact:
        lines.append(f"contact = {endpoint.contact}")
    else:
        lines += ["max_contacts = 1", "remove_existing = yes"]
    if endpoint.password:
        lines += [f"\n[{name}]", "type = auth", "auth_type = userpass", f"username = {name}"]
        lines.append(f"password = {endpoint.password}")
    return "\n".join(lines) + "\n"


_MANAGER_CONF = """\
[general]
enabled = yes
bindaddr = {address}
port = {port}

#include "manager.d/*.conf"
"""

# A phone is known by its name before anything else: trunk and phones all call from the same address.
_PJSIP_GENERAL = """\
[global]
type = global
endpoint_identifier_order = username,ip,anonymous

[udp]
type = transport
protocol = udp
bind = {address}:{port}
"""

_MEDIA = f"""
disallow = all
allow = ulaw,alaw
dtmf_mode = rfc4733
direct_media = no
rtp_symmetric = yes
force_rport = yes
rewrite_contact = yes
media_address = {LOOPBACK}
bind_rtp_to_media_address = yes
"""

_INDICATIONS = """\
[general]
country = us

[us]
description = United States / North America
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
congestion = 480+620/250,0/250
callwaiting = 440/300,0/10000
dialrecall = !350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440
record = 1400/500,0/15000
info = !950/330,!1400/330,!1800/330,0
stutter = !350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440
"""

# They say nothing, but Asterisk reports an error for each that is missing.
_EMPTY = ("acl", "ccss", "cdr", "cel", "features", "queuerules", "queues", "stasis", "udptl")

_SMALL_FILES = {
    "logger.conf": "[general]\ndateformat = %F %T.%3q\n\n[logfiles]\nmessages.log = notice,warning,error\n",
    "musiconhold.conf": "[default]\nmode = files\ndirectory = moh\n",
    "indications.conf": _INDICATIONS,
    **{f"{name}.conf": "; Nothing of its own.\n" for name in _EMPTY},
    "pjproject.conf": "[startup]\ntype = startup\nlog_level = 2\n",
}

MODULES = """
app_dial app_echo app_exec app_originate app_playback app_playtones app_queue app_read app_record app_sayunixtime
app_senddtmf app_stack app_transfer app_userevent app_verbose app_waitforsilence app_while app_chanspy app_mixmonitor
bridge_builtin_features bridge_builtin_interval_features bridge_holding bridge_native_rtp bridge_simple bridge_softmix
chan_pjsip chan_bridge_media
codec_a_mu codec_alaw codec_gsm codec_resample codec_ulaw
format_gsm format_pcm format_sln format_wav
func_callerid func_cdr func_channel func_cut func_db func_devstate func_dialplan func_global func_groupcount
func_hangupcause func_logic func_math func_pjsip_aor func_pjsip_contact func_pjsip_endpoint func_rand func_strings
func_timeout func_uri
pbx_config
res_musiconhold res_pjproject res_pjsip res_pjsip_acl res_pjsip_authenticator_digest res_pjsip_caller_id
res_pjsip_diversion res_pjsip_dtmf_info res_pjsip_empty_info res_pjsip_endpoint_identifier_anonymous
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_header_funcs res_pjsip_nat
res_pjsip_pubsub res_pjsip_refer res_pjsip_registrar res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session
res_rtp_asterisk res_sorcery_astdb res_sorcery_config res_sorcery_memory res_timing_timerfd
"""
