"""Start a stage as several processes with accelerate's launcher, and end as the stage would have ended alone.

    python -m jobs.stages.launch PROCESSES STAGE RUNDIR

Signals reach all processes, which have as long to save as the supervisor grants; the launcher's own half a minute could
be less than a step. Their exit code becomes ours, so that the supervisor sees one stage.
"""

import os
import signal
import sys

import psutil
from accelerate.commands.launch import launch_command, launch_command_parser
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from jobs.lifeline import die_with_parent
from jobs.rundir import PARENT


def main(processes: str, stage: str, folder: str) -> None:
    if parent := os.environ.get(PARENT):
        die_with_parent(int(parent))
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    os.environ |= {
        PARENT: str(os.getpid()),
        "OMP_NUM_THREADS": str(max(1, threads // int(processes))),
        "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGINT",  # SIGTERM is ours
        # They talk within this machine.
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
    }
    signal.signal(signal.SIGTERM, _pass_on)
    options = ["--use_fsdp", "--num_processes", processes, "--num_machines", "1", "--main_process_port", "0"]
    told = [*options, "-m", f"jobs.stages.{stage}", folder]
    try:
        launch_command(launch_command_parser().parse_args(told))
    except ChildFailedError as error:
        _, first = error.get_first_failure()
        _leave_as(first.exitcode)


def _pass_on(signal_number: int, _: object) -> None:
    for process in psutil.Process().children():
        process.send_signal(signal_number)


def _leave_as(exit_code: int) -> None:
    if exit_code < 0 and -exit_code != signal.SIGTERM:
        os.kill(os.getpid(), -exit_code)
    sys.exit(abs(exit_code))


if __name__ == "__main__":
    main(*sys.argv[1:])
