#!/bin/bash
# test/bench/run.sh [ROW...] - time the hot paths; make bench runs it.
#
# PEERS=PYTHON       also time what users would run instead, turn by turn with ours
# PEER_SCRIPTS=DIR   its programs: peer_head.py, peer_vit.py, with --lockstep as test/bench/bench.h has it;
#                    test/bench/peer_mae.py and test/bench/peer_video.py are here
# PAIRS=N            runs of each (default 5)
# BUILD=DIR          where the programs are (default: build)
#
# Every row checks its error before it is timed. A table goes to standard output, one JSON line a
# row to $BUILD/bench.jsonl. Exit 1 where a row, or its peer, failed. Nothing else should run meanwhile.
set -u
trap '' PIPE # a program that ended early is seen by what it did not answer
cd "$(dirname "$0")/../.." || exit
BUILD=${BUILD:-build} PAIRS=${PAIRS:-5} PEER_SCRIPTS=${PEER_SCRIPTS:-.}
bin=$BUILD/test/bench out=$BUILD/bench.jsonl

# row | ours | the peer, if any | peak that bounds it
rows="
step | temporal step | peer_head.py --what step | peak-fma
forward | temporal forward | peer_head.py --what forward | peak-fma
step-bf16 | temporal step-bf16 | peer_head.py --what step --dtype bf16 | peak-bf16
forward-bf16 | temporal forward-bf16 | peer_head.py --what forward --dtype bf16 | peak-bf16
conv-fwd | temporal conv-fwd | peer_head.py --what conv-fwd --conv 1024,1024,1 | peak-fma
adamw | temporal adamw | peer_head.py --what adamw | peak-read
scan-fwd | scan scan-fwd | peer_head.py --what scan-fwd | peak-exp
scan | scan scan | peer_head.py --what scan | peak-exp
vit-f32 | vit cls-f32 | peer_vit.py --batch 8 | peak-fma
vit-bf16 | vit cls-bf16 | peer_vit.py --batch 8 --dtype bf16 | peak-bf16
vit-int8 | vit cls-int8 | peer_vit.py --batch 8 --engine onnxruntime --dtype int8 | peak-u8s8
finetune | encoder finetune | peer_vit.py --what finetune8 --batch 4 | peak-fma
finetune-bf16 | encoder finetune-bf16 | peer_vit.py --what finetune8 --batch 4 --dtype bf16 | peak-bf16
pretrain | encoder pretrain | test/bench/peer_mae.py | peak-fma
pretrain-bf16 | encoder pretrain-bf16 | test/bench/peer_mae.py --dtype bf16 | peak-bf16
open | open open | | peak-read
jpeg | media jpeg | peer_io.py --what jpeg-cv2 --images 2000 | none
video | media video | test/bench/peer_video.py --frames 600 | none
windows | media windows | peer_io.py --what memmap | none
windows-h5 | media windows | peer_io.py --what h5-flat | none
"
names=$(sed -n 's/ *|.*//p' <<<"$rows" | paste -sd ' ')
for word; do
    [[ " $names " == *" $word "* ]] && continue
    echo "usage: test/bench/run.sh [ROW...]; rows: $names" >&2
    exit 2
done
case $PAIRS in '' | 0* | *[!0-9]*) echo "PAIRS=$PAIRS: expected a number, 1 or more" >&2 && exit 2 ;; esac
failed=0
# Time grows with frames and with sequences as the work does.
sizes="step:--frames:75 step:--frames:150 step:--frames:300 step:--frames:600
step:--batch:4 step:--batch:8 step:--batch:16 step:--batch:32"

middle() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
field() { sed -n "s/.*\"$2\": \"\{0,1\}\([^,\"}]*\).*/\1/p" <<<"$1"; }

facts() {
    printf '{"machine": "%s", "threads": %s, "version": "%s"}\n' \
        "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)" "$(nproc)" \
        "$("$BUILD"/bin/va-check --version | head -1)"
}

# One program alone: its JSON line.
alone() { # word...
    local line
    line=$("$bin/$1" "${@:2}" -n "$PAIRS") && tee -a "$out" <<<"$line"
}

# One run of a program, whose seconds it answers. Threads of the other one may wait awake for a
# while, so it begins later; a short run is made again, as its caches and clock went cold meanwhile.
turn() { # descriptor to, descriptor from
    local run again=0
    sleep 0.5
    for ((run = 0; run <= again; run++)); do
        echo >&"$1" && read -r seconds <&"$2" || return
        [ "$run" -gt 0 ] || case $seconds in 0.0*) again=10 ;; 0.*) again=1 ;; esac
    done
}

# Two programs in lockstep: medians of PAIRS runs of each, one after the other.
together() { # ours, peer
    local a='' b='' own=() others=() dir seconds ids=()
    dir=$(mktemp -d) && mkfifo "$dir"/{a,b}.{in,out} || return
    $1 --lockstep <"$dir/a.in" >"$dir/a.out" &
    ids=($!)
    $2 --lockstep <"$dir/b.in" >"$dir/b.out" 2>"$dir/log" &
    ids+=($!)
    exec 3>"$dir/a.in" 4>"$dir/b.in" 5<"$dir/a.out" 6<"$dir/b.out"
    while read -r a <&5 && [ "$a" != ready ]; do :; done
    while read -r b <&6 && [ "$b" != ready ]; do :; done
    for ((i = 0; i < PAIRS; i++)); do
        turn 3 5 && own+=("$seconds")
        turn 4 6 && others+=("$seconds")
    done 2>/dev/null
    exec 3>&- 4>&- 5<&- 6<&-
    wait "${ids[@]}"
    if [ ${#own[@]} -eq "$PAIRS" ] && [ ${#others[@]} -eq "$PAIRS" ]; then
        printf '%s\n' "${own[@]}" | middle
        printf '%s\n' "${others[@]}" | middle
    else
        echo "$2: $(tail -1 "$dir/log")" >&2
    fi
    rm -rf "$dir"
}

declare -A peak
: >"$out"
facts | tee -a "$out"
for p in peak-fma peak-bf16 peak-u8s8 peak-exp peak-read; do
    line=$(alone peaks $p) && peak[$p]=$(field "$line" rate)
done
printf '%-13s %12s %12s %7s %7s %9s %8s\n' row ours_s peer_s ratio share error MiB
while IFS='|' read -r row ours peer bound; do
    read -r row <<<"$row" && read -r bound <<<"$bound"
    [ -n "$row" ] || continue
    [ $# = 0 ] || [[ " $* " == *" $row "* ]] || continue
    read -ra words <<<"$ours"
    line=$(alone "${words[@]}") || { printf '%-13s failed\n' "$row"; failed=1; continue; }
    mine=$(field "$line" median_s) theirs=- ratio=-
    peer=${peer# }
    case $peer in peer_*) peer=$PEER_SCRIPTS/$peer ;; esac
    pair=
    if [ -n "${PEERS:-}" ] && [ -n "${peer// /}" ]; then
        pair=$(together "$bin/${ours# }" "$PEERS $peer")
        [ -n "$pair" ] || failed=1
    fi
    if [ -n "$pair" ]; then
        { read -r mine; read -r theirs; } <<<"$pair"
        ratio=$(awk "BEGIN { printf \"%.2f\", $theirs / $mine }")
        printf '{"row": "%s", "ours_s": %s, "peer_s": %s, "ratio": %s, "peer": "%s"}\n' "$row" "$mine" \
            "$theirs" "$ratio" "${peer##*/}" >>"$out"
    fi
    awk -v row="$row" -v s="$mine" -v p="$theirs" -v r="$ratio" -v rate="$(field "$line" rate)" \
        -v peak="${peak[$bound]:-0}" -v e="$(field "$line" error)" -v m="$(field "$line" peak_mib)" \
        'BEGIN { printf "%-13s %12s %12s %7s %7s %9s %8s\n", row, s, p, r,
                 (peak > 0 ? sprintf("%.2f", rate / peak) : "-"), e, m }'
done <<<"$rows"
[ $# = 0 ] || exit $failed
for s in $sizes; do
    IFS=: read -r row option n <<<"$s"
    line=$(alone temporal "$row" "$option" "$n") || { failed=1; continue; }
    printf '%s %s %s: %s s\n' "$row" "$option" "$n" "$(field "$line" median_s)"
done
printf 'methods of convolution:\n'
"$bin/choice" || { failed=1; printf 'a convolution took the slower method\n'; }
exit $failed
