#!/usr/bin/env bats
# shellcheck disable=SC2154 # load lib/mpi sets launcher and RUN
# va-tcn-mamba-train on two ranks that are told to stop, or lose each other.
bats_require_minimum_version 1.8.0
load lib/va
load lib/mpi

# Steps of some milliseconds, enough of them to be stopped in between.
LONG=(--channels "48,48" --batch 4 --epochs 200 --steps 300 --schedule constant)

# straight.h5 and its logs, in straight: what LONG gives on two ranks
undisturbed() {
    if [ ! -e "$BATS_FILE_TMPDIR/straight.h5" ]; then
        train 2 "${LONG[@]}" --log-dir straight -o straight.h5
        cp -r straight straight.h5 "$BATS_FILE_TMPDIR"
    fi
}

# start WHOM ARGS...: two ranks in the background, until train.tsv has 20 rows; pid gets the process
# of WHOM, a rank or the launcher
start() {
    unset OMPI_MCA_odls_base_sigkill_timeout
    "${launcher[@]}" -n 2 va-tcn-mamba-train "${RUN[@]}" --log-dir log "${@:2}" 2>err &
    job=$!
    for ((i = 0; i < 4000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 1 ] || break
        sleep 0.005
    done
    pid=$job
    [ "$1" = launcher ] || pid=$(rank_pid "$1")
    for (( ; i < 4000; i++)); do
        [ "$(wc -l <log/train.tsv)" -le 20 ] || return 0
        sleep 0.005
    done
    explain "no 20 steps: $(cat err)"
}

# A rank, and not a process that it started to look at a file.
rank_pid() {
    local p parent
    for p in /proc/[0-9]*; do
        parent=$(sed -n 's/^PPid:\t//p' "$p/status" 2>/dev/null)
        if [ "$p/exe" -ef "$BUILD/bin/va-tcn-mamba-train" ] && [ "$p/cwd" -ef . ] &&
            ! [ "/proc/${parent:-0}/exe" -ef "$BUILD/bin/va-tcn-mamba-train" ] &&
            grep -qzE "^(OMPI_COMM_WORLD|PMI)_RANK=$1$" "$p/environ"; then
            echo "${p#/proc/}"
        fi
    done
}

# Wait for the job; rc gets its exit code, `took` the seconds.
finish() {
    local begun=$SECONDS
    rc=0
    wait $job || rc=$?
    took=$((SECONDS - begun))
    stderr=$(cat err)
}

saved_step() { attribute m.h5.state step; }

@test "a signal to one rank: all stop after the same step, resumed to the same bytes" {
    need_mpi
    undisturbed
    for whom in 0 1; do
        rm -rf m.h5 m.h5.state log
        start $whom "${LONG[@]}" -q -o m.h5
        kill -TERM "$pid"
        finish
        [ "$rc" -eq 143 ]
        stopped
        train 2 "${LONG[@]}" --resume --log-dir log -o m.h5
        cmp m.h5 straight.h5
        diff -r log straight
    done
}

# The last run was stopped by a signal: a checkpoint of the last step in the log, no word.
stopped() {
    [ "$(ours)" = "" ]
    [ ! -e m.h5 ]
    va-check m.h5.state
    [ "$(saved_step)" -ge 20 ]
    [ "$(tail -n 1 log/train.tsv | cut -f 1)" = "$(saved_step)" ] ||
        explain "the log ends $(tail -n 2 log/train.tsv | cut -f 1 | paste -s), the checkpoint has $(saved_step)"
}

@test "a signal to the launcher: the same" {
    need_mpi
    start launcher "${LONG[@]}" --epochs 1000000 --steps 0 -q -o m.h5
    kill -TERM "$pid"
    finish
    [ "$rc" -ne 0 ]
    [ "$took" -le 5 ]
    for ((i = 0; i < 600; i++)); do # mpirun may end before the ranks have
        [ -n "$(rank_pid 0)$(rank_pid 1)" ] || break
        sleep 0.005
    done
    stopped
}

@test "a killed rank: the others end within seconds, one line, resumed to the same bytes" {
    need_mpi
    undisturbed
    for whom in 1 0; do
        rm -rf m.h5 m.h5.state log
        start $whom "${LONG[@]}" --save-every 7 -o m.h5
        kill -KILL "$pid"
        finish
        [ "$rc" -ne 0 ]
        [ "$took" -le 5 ]
        step=$(saved_step)
        [[ $(ours) =~ ^"va-tcn-mamba-train: rank $whom is gone, in step "[0-9]*": m.h5.state holds step "([0-9]*)(.*)", --resume goes on from it"$ ]] ||
            explain "$stderr"
        if [ $whom = 1 ]; then
            [ "${BASH_REMATCH[*]:1}" = "$step " ]
        else # rank 0 may have written another one that rank 1 did not hear of
            [ "${BASH_REMATCH[2]}" = " or a later one" ]
            [ "${BASH_REMATCH[1]}" -le "$step" ]
        fi
        [ "$(ours | wc -l)" -eq 1 ]
        [ ! -e m.h5 ]
        va-check m.h5.state
        [ "$step" -ge 14 ]
        train 2 "${LONG[@]}" --resume --log-dir log -o m.h5
        cmp m.h5 straight.h5
        diff -r log straight
    done
}

# Ticks of the clock (a hundred a second) that a process has computed.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

@test "a rank that waits leaves its core to others" {
    need_mpi
    start 1 "${LONG[@]}" --epochs 1000000 --steps 0 -o m.h5
    other=$(rank_pid 0)
    kill -STOP "$pid"
    sleep 0.2
    before=$(ticks "$other")
    sleep 1
    used=$(($(ticks "$other") - before))
    kill -KILL "$other"
    finish
    [ "$used" -le 20 ] || explain "$used ticks in a second of waiting"
}

@test "told to stop in a step that does not end: what there is is saved, resumed to the same bytes" {
    need_mpi
    undisturbed
    start 1 "${LONG[@]}" -o m.h5
    kill -STOP "$pid"
    kill -TERM "$(rank_pid 0)"
    finish
    [ "$rc" -eq 143 ]
    [ "$took" -le 5 ]
    step=$(saved_step)
    [ "$(ours)" = "va-tcn-mamba-train: Terminated, and step $((step + 1)) did not end in time: m.h5.state holds step $step, --resume goes on from it" ] ||
        explain "$stderr"
    [ ! -e m.h5 ]
    [ "$(find . -name '*.part')" = "" ]
    train 2 "${LONG[@]}" --resume --log-dir log -o m.h5
    cmp m.h5 straight.h5
    diff -r log straight
}
