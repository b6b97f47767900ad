"""Tie a process's life to its parent's, so that a ``kill -9`` of the parent leaves no orphan. Linux only."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1

# Loaded here and not in the function, which may run between fork and exec, where loading a library is unsafe.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process ``signal_number`` when the thread that started it ends.

    To be called in the child, before or after exec. ``parent_pid`` is who the caller believes its parent to
    be: a parent that died before the call would go unnoticed otherwise.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, signal_number) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal_number)
