"""What was said leaves the process's memory as well: freed memory is overwritten, and freed soon (SECURITY C6).

Measured on 12 hand-overs: with Python's own allocator nine of them could still be read in the process's
memory a minute later, with this none (tests/faults/test_memory.py).
"""

import gc
import os
import platform
import sys

# Python's small objects come from the C library too, which fills what is freed; its thread caches would not.
_TUNABLES = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
_ENVIRONMENT = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": _TUNABLES}


def overwrite_freed() -> None:
    """Begin this very command again with an allocator that overwrites; done once, and only where there is glibc."""
    if platform.libc_ver()[0] != "glibc" or os.environ.get("PYTHONMALLOC") == "malloc":
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **_ENVIRONMENT})  # noqa: S606 ourselves


def settle() -> None:
    """What is there now stays for good: later collections need not look at it, and are quick."""
    gc.collect()
    gc.freeze()


def let_go() -> None:
    """Free what only hangs together in circles: answers of the network with what a child wrote among them."""
    gc.collect()
