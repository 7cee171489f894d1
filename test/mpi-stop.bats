#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2034 # load lib/mpi sets launcher and RUN, and reads PAUSE
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

# Wait for the job; rc gets its exit code, `took` the seconds.
finish() {
    local begun=$SECONDS
    rc=0
    wait "$job" || rc=$?
    took=$((SECONDS - begun))
    stderr=$(cat err)
}

saved_step() { attribute m.h5.state step; }

@test "a signal to one rank: all stop after the same step, resumed to the same bytes" {
    need_mpi
    undisturbed
    for whom in 0 1; do
        start $whom "${LONG[@]}" -q -o m.h5
        signal TERM 0 1
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
        kill -0 "$(cat rank.0)" 2>/dev/null || kill -0 "$(cat rank.1)" 2>/dev/null || break
        sleep 0.005
    done
    stopped
}

@test "a killed rank: the others end within seconds, one line, resumed to the same bytes" {
    need_mpi
    undisturbed
    for whom in 1 0; do
        start $whom "${LONG[@]}" --save-every 7 -o m.h5
        signal KILL 0 1
        finish
        [ "$rc" -ne 0 ]
        [ "$took" -le 5 ]
        step=$(saved_step)
        [[ $(ours) =~ ^"va-tcn-mamba-train: rank $whom is gone, in step "[0-9]*": m.h5.state holds step "([0-9]*)(.*)", --resume continues from it"$ ]] ||
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
    other=$(cat rank.0)
    kill -CONT "$other"
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
    for ((run = 0; run < 2; run++)); do
        PAUSE=0.05 # rank 1 goes on to where it waits for rank 0, which is often where ranks agree to stop
        start 1 "${LONG[@]}" -o m.h5
        pid=$(cat rank.0)
        signal TERM 0
        finish
        [ "$rc" -eq 143 ] || explain "exit $rc after $took s: $stderr"
        [ "$took" -le 5 ] || explain "$took s: $stderr"
        step=$(saved_step)
        # rank 1, which goes on when the launcher ends it, may have time to say that rank 0 is gone
        case $(ours | grep -v ': rank 0 is gone, ') in
        "va-tcn-mamba-train: Terminated, and step $((step + 1)) did not end in time: m.h5.state holds step $step, --resume continues from it") ;;
        "va-tcn-mamba-train: Terminated, and other ranks did not end in time: m.h5.state holds step $step, --resume continues from it") ;;
        "va-tcn-mamba-train: stopped after step $step; checkpoint in m.h5.state; continue with --resume") ;;
        *) explain "$stderr" ;;
        esac
        [ ! -e m.h5 ]
        [ "$(find . -name '*.part')" = "" ]
    done
    train 2 "${LONG[@]}" --resume --log-dir log -o m.h5
    cmp m.h5 straight.h5
    diff -r log straight
}
