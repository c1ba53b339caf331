"""Becomes another program whose life is tied to the supervisor's: run by its path, with Python's bare minimum.

launch.py PARENT_PID DEATH_SIGNAL UID:GID|- PROGRAM ARGUMENT...
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent_pid, death_signal, user, *program = arguments
    if user != "-":
        uid, gid = (int(number) for number in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # Only now: a change of user clears it.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent_pid):
        sys.exit("the supervisor ended before its child began")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
