"""Replaces itself with a program that the kernel ends when the supervisor dies. Run by path, in isolated mode.

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
    # After the change of user, which clears the death signal.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent_pid):
        sys.exit("the supervisor ended before its child started")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
