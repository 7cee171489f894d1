#!/bin/sh
# One line on a terminal for the trainings of all folds: progress.sh CV NAME "FOLDS" COMMAND ARGS...
#
# Runs the command, which trains CV/<k>/NAME for one k and logs beside it or in tuning. Elsewhere than on
# a terminal that is all. On one, the tools draw no lines of their own (VA_PROGRESS); of all commands that
# make runs at the same time, one draws a line for them: of each fold the best mean CCC so far and its epoch.
set -u
cv=$1 name=$2 folds=$3
shift 3
[ -t 2 ] || exec "$@"
lock=$cv/.progress

state() { # state FOLD
    case $name in model.h5) log=$cv/$1/val.tsv ;; *) log=$cv/$1/tuning/val.tsv ;; esac
    if [ -e "$cv/$1/$name.state" ]; then
        awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            { epoch = $at["epoch"]; best = $at["best"] }
            END { if (epoch == "") printf "begun"; else printf "%.3f in epoch %d", best, epoch }' "$log" 2>/dev/null ||
            printf begun
    elif [ -e "$cv/$1/$name" ]; then
        printf 'done'
    else
        printf waiting
    fi
}

draw() {
    line=
    for k in $folds; do line="$line${line:+, }$k $(state "$k")"; done
    printf '\r\033[K%.*s\r' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "folds: $line" >&2
}

VA_PROGRESS=off "$@" &
pid=$!
trap 'kill -TERM $pid 2>/dev/null' TERM HUP
trap : INT # the command has it, too, and ends after its step
mine=
while kill -0 $pid 2>/dev/null; do
    if [ "$mine" ] || { ln -s $$ "$lock" && mine=yes; } 2>/dev/null; then
        draw
    elif owner=$(readlink "$lock") && ! kill -0 "$owner" 2>/dev/null; then
        rm -f "$lock" # of one that was killed
    fi
    sleep 1
done
if [ "$mine" ]; then
    printf '\r\033[K' >&2
    rm -f "$lock"
fi
wait $pid
