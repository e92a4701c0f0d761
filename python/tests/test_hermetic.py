"""scripts/hermetic hides the environment of the user, and fails if a command uses an address beyond loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Optional

import pytest

from conftest import ROOT

HERMETIC = str(ROOT / "scripts" / "hermetic")
OUTSIDE = {
    "TCP": "import socket; socket.create_connection(('192.0.2.1', 80))",
    "UDP": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "TCP over IPv6": "import socket; socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))",
    "UDP over IPv6": "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('2001:db8::1', 9))",
    "name lookup": "import socket; socket.getaddrinfo('example.org', 80)",
}
LOOPBACK = """
import socket
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    if family == socket.AF_INET or socket.has_dualstack_ipv6():
        with socket.create_server((address, 0), family=family) as server:
            socket.create_connection(server.getsockname()[:2]).close()
"""


def hermetic(*command: str, env: Optional[dict[str, str]] = None) -> subprocess.CompletedProcess[str]:
    """Runs scripts/hermetic as if it were not already running."""
    inherited = {name: value for name, value in os.environ.items() if name != "SQERN_TEST_GUARD"}
    return subprocess.run([HERMETIC, *command], env={**inherited, **(env or {})}, capture_output=True, text=True, check=False)


@pytest.fixture
def guard() -> None:
    probe = hermetic("--probe")
    if probe.returncode != 0:
        pytest.skip(probe.stderr.strip())


@pytest.mark.usefixtures("guard")
@pytest.mark.parametrize("attempt", OUTSIDE)
def test_an_address_beyond_loopback_fails_the_run(attempt: str) -> None:
    ignored = f"try:\n    {OUTSIDE[attempt]}\nexcept OSError as error:\n    print(error)"
    done = hermetic(sys.executable, "-c", ignored)
    assert (done.returncode, done.stdout != "") == (1, True), done
    assert f"{sys.executable} tried to reach an address beyond loopback" in done.stderr


@pytest.mark.usefixtures("guard")
def test_connections_within_loopback_are_allowed() -> None:
    done = hermetic(sys.executable, "-c", LOOPBACK)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exit_status_of_the_command_is_returned() -> None:
    for option in ([], ["--environment-only"]):
        assert hermetic(*option, "sh", "-c", "exit 7").returncode == 7


def test_the_environment_of_the_user_is_not_visible() -> None:
    hostile = {
        "HOME": "/nonexistent",
        "LC_ALL": "tr_TR.UTF-8",
        "PGHOST": "db.example",
        "PGSERVICEFILE": "/nonexistent",
        "SQERN_DATA_DIR": "/nonexistent/local",
        "SQERN_STORE": "/nonexistent",
        "TMPDIR": "/nonexistent",
        "XDG_DATA_HOME": "/nonexistent",
        "http_proxy": "http://127.0.0.1:1",
        "MAKEFLAGS": "-n",
        "POSIXLY_CORRECT": "1",
        "CDPATH": "/",
    }
    done = hermetic("sh", "-c", "umask; ls -A ~ && env", env=hostile)
    assert done.returncode == 0, done.stderr
    umask, *lines = done.stdout.splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert umask == "0022"
    assert (seen["LC_ALL"], seen["TZ"]) == ("C.UTF-8", "UTC")
    assert not [name for name in hostile if name in seen and seen[name] == hostile[name]]
