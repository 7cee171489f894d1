#!/bin/bash
# run.sh - how the stages grow: many short videos, one long video, and separate files, in four sizes each.
#
#   BUILD=build test/scale/run.sh
#
# Prints a row per stage and size: seconds, processor seconds, and the most memory in MiB. Growth is judged by
# processor seconds, which other work on the machine hardly changes. Exits with 1 when a stage takes more than half again as
# much for its size as at the smallest one (or as half a second, which less is not measured well), more memory for each
# further frame or video than BYTES says, or more than ten seconds.
#
#   VIDEOS, FRAMES, FILES   four sizes each: videos of 8 frames in a shard, frames of one video, feature files
#   SLACK                   MiB more that a stage may take than BYTES says (default: 24)
#   SCALE_DIR               folder for 2 GB of data (default: a new one below TMPDIR, which is removed)
set -euo pipefail

VIDEOS=${VIDEOS-12500 25000 50000 100000}
FRAMES=${FRAMES-1250000 2500000 5000000 10000000}
FILES=${FILES-500 1000 2000 4000}
# bytes of memory for each further video, frame or file: names, ids, rows of tables, and features of 8 frames.
# Nothing has a row per frame but the labels of va-window, which are text and are read whole.
declare -A BYTES=([videos]=2500 [videos:predict]=3500 [frames]=2 [files]=4000 [frames:window]=40)
SLACK=${SLACK-24} # MiB that come and go

cd "${BUILD:?}"
PATH=$PWD/bin:$PWD/test/gen:$PATH
dir=${SCALE_DIR:-$(mktemp -d)}
[ -n "${SCALE_DIR-}" ] || trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"
cd "$dir"
export VA_USAGE=$dir/usage VA_PROGRESS=off
va-weights init -q --arch mamba-va --in-dim 16 --channels 8 --kernel 3 --layers 1 --d-state 2 --d-conv 2 --expand 1 \
    --hidden 8 -o model.h5 --force

# stage KIND NAME SIZE COMMAND...: run it, and keep its row
stage() {
    local kind=$1 name=$2 size=$3
    shift 3
    : >usage
    "$@" >/dev/null
    awk -F '\t' -v OFS='\t' -v k="$kind" -v n="$name" -v s="$size" 'END { print k, n, s, $2, $3, $4 }' usage >>rows
    tail -n 1 rows
}

# stages KIND SIZE SHARD: those behind the features
stages() {
    stage "$1" list "$2" va-features info "$3"
    stage "$1" pack "$2" va-pack -q --force -o packed "$3"
    rm -r packed
    stage "$1" window "$2" va-window -q --labels labels --window 300 --stride 200 --force -o windows.h5 "$3"
    stage "$1" predict "$2" va-predict -q -j 1 -m model.h5 --force -o predictions.h5 "$3"
    stage "$1" score "$2" va-score -q --labels labels predictions.h5
}

rm -rf rows packed files labels
printf 'kind\tstage\tsize\tseconds\tprocessor\tMiB\n'
for n in $VIDEOS; do
    stage videos make "$n" make_corpus --videos "$n" --labels labels shard.h5
    stages videos "$n" shard.h5
    rm -r labels
done
for n in $FRAMES; do
    stage frames make "$n" make_corpus --frames "$n" --labels labels shard.h5
    stages frames "$n" shard.h5
    rm -r labels
done
make_corpus shard.h5
va-pack -q --unpack --force -o one shard.h5
for n in $FILES; do
    stage files make "$n" make_corpus --videos "$n" --files files one/v0000000.h5
    find files -name '*.h5' | sort >list
    stage files pack "$n" va-pack -q --files-from list -o packed
    stage files window "$n" va-window -q --files-from list --force -o windows.h5
    rm -r files packed
done

printf '\nkind\tstage\tlargest\tprocessor\tfor its size\tbytes each\n'
awk -F '\t' -v slack="$SLACK" -v bounds="$(for b in "${!BYTES[@]}"; do printf '%s=%s ' "$b" "${BYTES[$b]}"; done)" '
    BEGIN {
        split(bounds, list, " ")
        for (i in list) { split(list[i], pair, "="); bytes[pair[1]] = pair[2] }
    }
    {
        what = $1 "\t" $2
        if (!(what in n0)) { order[++count] = what; n0[what] = $3; t0[what] = $5; m0[what] = $6 }
        n[what] = $3; t[what] = $5; m[what] = $6; wall[what] = $4
    }
    END {
        for (i = 1; i <= count; i++) {
            what = order[i]; kind = what; sub(/\t.*/, "", kind); key = what; sub(/\t/, ":", key)
            bound = key in bytes ? bytes[key] : bytes[kind]
            times = n[what] / n0[what]
            growth = t[what] / (t0[what] > 0.5 ? t0[what] : 0.5) / times
            each = n[what] > n0[what] ? (m[what] - m0[what]) * 1048576 / (n[what] - n0[what]) : 0
            bad = ""
            if (growth > 1.5) bad = bad "  not linear"
            if ((m[what] - m0[what] - slack) * 1048576 > bound * (n[what] - n0[what])) bad = bad "  memory grows"
            if (t[what] > 10) bad = bad "  >10 s"
            if (bad) failed = 1
            printf "%s\t%d\t%.2f\t%.2f\t%.0f%s\n", what, n[what], t[what], growth, each, bad
        }
        exit failed
    }' rows
