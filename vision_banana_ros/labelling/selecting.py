"""From recordings to a plan: glance at every picture, choose, write down what was chosen and show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data.readers.recordings import open_recording
from vision_banana_ros.data.recording import Recording, RecordingOptions
from vision_banana_ros.labelling.pages import selection_page
from vision_banana_ros.labelling.selection import Candidate, Moments, SelectionSettings, select
from vision_banana_ros.labelling.store import SELECTION_PAGE, Planned, Store


@dataclass(frozen=True, slots=True)
class Plan:
    """The recordings with their facts, and the chosen pictures in the order of the shards."""

    recordings: list[dict[str, Any]]
    items: list[Planned]

    @property
    def damaged(self) -> dict[str, str]:
        """What could not even be looked at, by recording and number."""
        return {f"{entry['name']} #{at}": problem for entry in self.recordings for at, problem in entry["damaged"]}

    def open(self, options: RecordingOptions) -> list[tuple[Recording, dict[str, Any]]]:
        """The recordings anew, by where they were when the plan was made."""
        return [
            (open_recording(Path(entry["path"]), options, say=lambda _text: None), entry["facts"])
            for entry in self.recordings
        ]


def make_plan(
    store: Store,
    inputs: Sequence[Path],
    options: RecordingOptions,
    settings: SelectionSettings,
    *,
    say: Callable[[str], None],
    tell: Callable[[str, int], None],
) -> Plan:
    """`say` hears what is odd about the recordings, `tell` how many pictures have been looked at."""
    with TemporaryFile(dir=store.root) as previews:
        recordings: list[dict[str, Any]] = []
        candidates: list[Candidate] = []
        seen = damaged = 0
        for path in inputs:
            try:
                recording = open_recording(path, options, say)
                moments = Moments(len(recordings), settings, previews)
                for glance in recording.glances():
                    moments.add(glance)
                    tell(recording.name, moments.seen)
                facts = recording.facts()
            except DataError as error:
                if len(inputs) == 1:
                    raise
                say(f"{error}: left out")  # one damaged bag must not cost the night's other ones
                continue
            entry = {"path": str(path.resolve()), "name": recording.name, "facts": facts, "damaged": moments.damaged}
            recordings.append(entry)
            damaged += len(moments.damaged)
            candidates += moments.found()
            seen += moments.seen
        if not candidates:
            raise DataError(f"no picture in {', '.join(map(str, inputs))} can be used")
        selection = select(candidates, settings, seen=seen, damaged=damaged)
        items = [Planned(key=c.digest, recording=c.recording, at=c.at, stamp_ns=c.stamp_ns) for c in selection.chosen]
        names = [entry["name"] for entry in recordings]
        write_whole(store.root / SELECTION_PAGE, selection_page(selection, names).encode())
    store.write_plan(recordings, items)
    return Plan(recordings, items)
