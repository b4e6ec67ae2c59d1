#!/bin/sh
# From nothing to a packed and judged student on one GPU, in a given number of minutes.
#
#     tools/speedrun.sh MINUTES [GATES] [option of `vision-banana train`]...
#
# GATES is a folder of real frames, or of held-out shards, to be judged by each minute; the best weights are kept. The
# world is rendered meanwhile: on the GPU, or by CPU processes where that fails. Real frames of your own: --frames DIR.
# PRECISIONS (fp32 fp16), PROCESSES (all cores but two), CHECK=no (no self-check of the runtimes), CONFIG (tools/speedrun.json).
# To go on from the model that ships: --initial student. Everything ends up in $OUT (default: speedrun/), in files below
# 16 MiB; the run's own checkpoint in pieces, `cat last.pt.* > last.pt`. Without a GPU it runs too, only slowly.
set -eu
minutes=${1:?usage: tools/speedrun.sh MINUTES [GATES] [option of vision-banana train]...}
shift
gates=
case ${1:-} in -* | "") ;; *) gates=$1 && shift ;; esac
out=${OUT:-speedrun}
run=${RUN:-$out/run}
python=${PYTHON:-python3}
config=${CONFIG:-$(dirname "$0")/speedrun.json}
mkdir -p "$out" "$run"
banana() { "$python" -m vision_banana_ros.cli "$@"; }

cores=$("$python" -c 'import os; print(max(1, len(os.sched_getaffinity(0)) - 2))')
text=$("$python" -c 'from vision_banana_ros.generators.registry import SHIPPED_STUDENT as s; print(s / "text.npz")')
banana train --run "$run" --text "$text" --config "$config" --minutes "$minutes" --world "${PROCESSES:-$cores}" \
    ${gates:+--gates "$gates"} "$@"
best=
[ -f "$run/best.pt" ] && best=--best
# a short run may lose to a constant: it is written all the same, and says so
precisions=
for precision in ${PRECISIONS:-fp32 fp16}; do precisions="$precisions --precision $precision"; done
banana pack --run "$run" $best --keep --weights $precisions --out "$out/model" \
    --summary "speed run of $minutes minutes" || [ -f "$out/model/manifest.json" ]
[ "${CHECK:-yes}" = no ] || banana engine check "$out/model" || echo "speedrun: not every runtime passed its check, see above" >&2
cp "$run/log.jsonl" "$run/config.json" "$out/"
split -b 15m "$run/last.pt" "$out/last.pt."
if [ "$run" = "$out/run" ]; then rm -r "$run"; fi
echo "speedrun: $out"
