#!/bin/sh
# One line on a terminal for commands that run side by side: progress.sh FOLDER WHAT "NAMES" COMMAND ARGS...
#
# WHAT is the name of a model: the command trains FOLDER/<k>/WHAT for one of the folds NAMES and logs beside it or
# in tuning. Or it is videos: the command works at one of them in FOLDER/<name>, for video.mk.
#
# Runs the command. Elsewhere than on a terminal that is all. On one, the tools draw no lines of their own
# (VA_PROGRESS); of all commands that make runs at the same time, one draws a line for them: of each fold the
# best mean CCC so far and its epoch; how many videos are done, and what is being made of the others.
set -u
cv=$1 name=$2 names=$3
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

folds() {
    line=
    for k in $names; do line="$line${line:+, }$k $(state "$k")"; done
    printf '%s' "folds: $line"
}

# stage VIDEO: what is being written of it, or nothing
stage() {
    for part in "$cv/$1"/.*.part "$cv/$1"/features/.*.part; do
        case ${part#"$cv/$1"} in
        /.*'*.part') continue ;;
        /features/*'*.part') continue ;;
        /features/*) printf features ;;
        *.faces.h5.*) printf faces ;;
        *.frames.h5.*) printf frames ;;
        *) printf result ;;
        esac
        return
    done
}

videos() {
    count=0 done=0 line=
    for k in $names; do
        count=$((count + 1))
        now=$(stage "$k")
        if [ "$now" ]; then
            line="$line, $k $now"
        elif [ -e "$cv/$k/$k.html" ]; then
            done=$((done + 1))
        fi
    done
    printf '%s' "videos: $done of $count done$line"
}

draw() {
    case $name in videos) line=$(videos) ;; *) line=$(folds) ;; esac
    printf '\r\033[K%.*s\r' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "$line" >&2
}

VA_PROGRESS=off "$@" &
pid=$!
trap 'kill -TERM $pid 2>/dev/null' TERM HUP INT # of a command in the background INT is ignored
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
