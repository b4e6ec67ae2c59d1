"""The engine of many machines: keys go through an actor pool of Ray Data.

An actor is made once (it loads its models) and is given a few keys at a time; Ray restarts actors that die, gives their
keys to others and holds back when the pool is busy. What is large is read and written by the actors themselves, in
folders that all machines see under the same path (NFS, a shared volume); what travels through Ray is keys, and small
results where there are some.

Without an address Ray is started here: for this host alone, without dashboard, usage statistics or metrics.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from vision_banana_ros.core import GeneratorError, VisionBananaError, require_package

T = TypeVar("T")

#: What a worker puts beside the keys of its batch: one result a key, as bytes.
RESULT = "result"
AUTO = "auto"
_LOOPBACK = "127.0.0.1"
_RAISED = re.compile(r"^[\w.]+(Error|Exception): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySettings:
    """`address`: "auto" starts Ray here, unless RAY_ADDRESS names a cluster; anything else is the cluster's address.

    `gpus` of one worker may be a fraction: 0.5 puts two of them on a card. `batch` pictures are one task.
    """

    address: str = AUTO
    workers: int = 2
    cpus: float = 1.0
    gpus: float = 0.0
    batch: int = 4

    @property
    def is_local(self) -> bool:
        return self.address == AUTO and not os.environ.get("RAY_ADDRESS")


def spread(worker: Callable[[Any], Any], argument: Any, keys: Sequence[T], settings: RaySettings) -> Iterator[T]:
    """Each key goes through `worker(argument)`, in batches {"key": [...]}; it is yielded when it is done.

    Ray is started when there is something to do and stopped afterwards. To do a key twice must do no harm.
    """
    for row in _rows(worker, argument, keys, settings):
        yield row["key"]


def gather(
    worker: Callable[[Any], Any], argument: Any, keys: Sequence[T], settings: RaySettings
) -> Iterator[tuple[T, bytes]]:
    """The same with what the worker made of each key, in no order; whoever has enough closes the iterator."""
    for row in _rows(worker, argument, keys, settings):
        yield row["key"], row[RESULT]


def _rows(
    worker: Callable[[Any], Any], argument: Any, keys: Sequence[T], settings: RaySettings
) -> Iterator[dict[str, Any]]:
    if not keys:
        return
    ray = start_ray(settings)
    try:
        blocks = max(1, -(-len(keys) // settings.batch))
        done = ray.data.from_items([{"key": key} for key in keys], override_num_blocks=blocks).map_batches(
            worker,
            fn_constructor_args=(argument,),
            batch_size=settings.batch,
            # Ray Data makes actors that die anew, without end, and gives what they had in hand to others
            compute=ray.data.ActorPoolStrategy(size=settings.workers, max_tasks_in_flight_per_actor=2),
            num_cpus=settings.cpus,
            num_gpus=settings.gpus,
        )
        yield from done.iter_rows()
    except (VisionBananaError, KeyboardInterrupt, GeneratorExit):
        raise
    except Exception as error:  # Ray wraps what a worker raised in its own types
        raise GeneratorError(_reason(error)) from error
    finally:
        ray.shutdown()


def start_ray(settings: RaySettings) -> Any:
    """Ray, connected or started; imported nowhere else."""
    require_package("ray", extra="scale", purpose="Work on many machines")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")  # else it puts a print of its own in place of Python's
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if settings.is_local:
        # else 127.0.0.1 becomes the address that others reach this machine by, and Ray listens there
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_enable_metrics_collection"] = "0"  # noqa: SIM112 (so Ray spells it)
    import ray

    if settings.is_local:
        ray.init(
            num_cpus=max(1, round(settings.workers * settings.cpus)),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=128 << 20,
            _node_ip_address=_LOOPBACK,
        )
    else:
        address = None if settings.address == AUTO else settings.address  # None: RAY_ADDRESS
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is raised, and told once
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    return ray


def _reason(error: BaseException) -> str:
    """The one line of the innermost error that says something."""
    cause, said = error, type(error).__name__
    while True:
        lines = [line for line in str(cause).splitlines() if line.strip()]
        said = lines[-1].strip() if lines else said
        inner = getattr(cause, "cause", None) or cause.__cause__
        if not isinstance(inner, BaseException) or inner is cause:
            return _RAISED.sub("", said)  # an actor that could not be made is told of as the text of a traceback
        cause = inner
