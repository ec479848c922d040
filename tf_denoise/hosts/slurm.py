"""`TF_CONFIG` of a task of Slurm: `TF_CONFIG=$(python -m tf_denoise.hosts.slurm) && export TF_CONFIG` within `srun`.

TensorFlow's own `SlurmClusterResolver` needs GPUs, and sorts the nodes by name (`node10` before `node2`), where Slurm
numbers its tasks in the order of the list; so the list is taken as Slurm's `scontrol` expands it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping

from tf_denoise.errors import InputError, exit_on_input_error

PORT = 8888
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


def expand_nodes(nodes: str) -> list[str]:
    """The names of nodes that Slurm writes as `node[1-3,7]`, as its own `scontrol` gives them.

    Raises:
        InputError: If there is no `scontrol`, or it cannot.
    """
    try:
        result = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"Slurm's scontrol cannot name the nodes of {nodes}: {error}.") from None
    return result.stdout.split()


def slurm_config(
    environment: Mapping[str, str] = os.environ,
    expand: Callable[[str], list[str]] = expand_nodes,
    port: int = PORT,
) -> str:
    """What `TF_CONFIG` is for this task: every task of the step a worker, those of a node at ports that follow.

    Args:
        environment: The variables that `srun` sets.
        expand: Gives the names of nodes.
        port: Of the first task of each node.

    Raises:
        InputError: If this is not a task of Slurm, or its tasks are not dealt to the nodes in blocks.

    Example:
        >>> step = {"SLURM_PROCID": "1", "SLURM_NODEID": "1", "SLURM_LOCALID": "0"}
        >>> step |= {"SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_TASKS_PER_NODE": "1(x2)"}
        >>> slurm_config(step, lambda nodes: ["n1", "n2"])
        '{"cluster": {"worker": ["n1:8888", "n2:8888"]}, "task": {"type": "worker", "index": 1}}'
    """
    names = ("STEP_NODELIST", "STEP_TASKS_PER_NODE", "PROCID", "NODEID", "LOCALID")
    missing = [f"SLURM_{name}" for name in names if f"SLURM_{name}" not in environment]
    if missing:
        raise InputError(f"This is not a task of Slurm: {missing[0]} is not set. Start it with srun.")
    nodes, tasks, *numbers = (environment[f"SLURM_{name}"] for name in names)
    rank, node, local = map(int, numbers)
    counts = [int(count) for count, times in _TASKS.findall(tasks) for _ in range(int(times or 1))]
    hosts = expand(nodes)
    if len(hosts) != len(counts):
        raise InputError(f"Slurm names {len(hosts)} nodes ({nodes}) and tasks for {len(counts)} ({tasks}).")
    places = [(number, task) for number, count in enumerate(counts) for task in range(count)]
    if rank >= len(places) or places[rank] != (node, local):
        raise InputError(
            f"Task {rank} runs as number {local} on node {node}, which is not dealt in blocks: start srun with "
            "--distribution=block."
        )
    workers = [f"{hosts[number]}:{port + task}" for number, task in places]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    words = sys.argv[1:] if arguments is None else arguments
    with exit_on_input_error():
        if words and not (len(words) == 1 and words[0].isdigit()):
            raise InputError(f"python -m tf_denoise.hosts.slurm takes a port; received {' '.join(words)}.")
        print(slurm_config(port=int(words[0]) if words else PORT))


if __name__ == "__main__":
    main()
