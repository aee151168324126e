"""Mounts, namespaces, devices, other users."""

import os
import subprocess
from pathlib import Path

from .attempts import attempt, libc, stopped


@attempt("mount a file system")
def mount() -> str:
    libc("mount", b"none", b"/tmp", b"tmpfs", 0, None)
    return "mounted"


@attempt("mount the root writable")
def remount() -> str:
    libc("mount", b"none", b"/", None, 0x20 | 0x1000, None)  # MS_REMOUNT | MS_BIND
    return "remounted"


@attempt("bind a folder over another")
def bind() -> str:
    libc("mount", b"/tmp", b"/mnt", None, 0x1000, None)
    return "bound"


@attempt("a user namespace of its own")
def user_namespace() -> str:
    libc("unshare", 0x10000000)
    return "made"


@attempt("a mount namespace of its own")
def mount_namespace() -> str:
    libc("unshare", 0x00020000)
    return "made"


@attempt("change the root folder")
def chroot() -> str:
    os.chroot("/tmp")
    return "changed"


@attempt("make a disk's device")
def device() -> str:
    os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))
    return "made"


@attempt("become root")
def setuid() -> str:
    os.setuid(0)
    return "root"


@attempt("read as root through a setuid program")
def setuid_program() -> str:
    found = subprocess.run(["/probe/cat", "/probe/roots-alone"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise stopped(found.stderr.strip())
    return found.stdout.strip()


@attempt("give a file to root")
def chown() -> str:
    Path("/tmp/mine").touch()
    os.chown("/tmp/mine", 1, 1)
    return "given"
