"""What a file's mode allows, and whom."""

import stat
from pathlib import Path

BY_MODES = """
import ctypes, os
if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    whose = (ctypes.c_uint32 * 2)(0x20080522, 0)
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(whose, held) == 0
    for n in range(3):
        held[n] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(whose, held) == 0
"""
"""Root, too, may then do no more than a file's mode allows its owner."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
