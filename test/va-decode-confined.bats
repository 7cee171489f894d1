#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Videos and pictures are decoded in a confined process: what a user sees of it.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_video v.mp4 64 48 30 25
    make_video wide.mp4 160 120 60 25
    ffmpeg -nostdin -v error -i wide.mp4 -c:v mpeg4 -g 10 -bf 0 -y wide.avi
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    V=$BATS_FILE_TMPDIR
}

# children_of PID: the processes that it started, on one line
children_of() { awk -v parent="$1" '{ sub(/^[0-9]+ \(.*\) /, "& "); split($0, f, /\) +/); split(f[2], g, " ")
    if (g[2] == parent) print $1 }' /proc/[0-9]*/stat 2>/dev/null | paste -sd ' '; }

# open_video COMMAND...: run it on a pipe that stays open; sets tool, keeper and worker
open_video() {
    mkfifo pipe
    "$@" <pipe 2>err >/dev/null &
    tool=$!
    { cat "$V/wide.avi" && sleep 60; } >pipe &
    writer=$!
    for _ in $(seq 500); do
        keeper=$(children_of $tool)
        worker=$([ -z "$keeper" ] || children_of "$keeper")
        [ -z "$worker" ] || break
        sleep 0.02
    done
    [ -n "$worker" ] || explain "no decoder was started"
}

# gone PID...: waits until none of these is left
gone() {
    local pid
    for pid; do
        for _ in $(seq 500); do
            if ! kill -0 "$pid" 2>/dev/null || grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; then continue 2; fi
            sleep 0.02
        done
        explain "process $pid is left" || return 1
    done
}

teardown() {
    [ -z "${writer-}" ] || kill "$writer" 2>/dev/null || true
}

@test "the same bytes with --unconfined: videos, streams, folders" {
    va-decode -o a.h5 "$V/wide.mp4"
    va-decode --unconfined -o b.h5 "$V/wide.mp4"
    cmp a.h5 b.h5
    # shellcheck disable=SC2002 # a pipe is what is tested
    cat "$V/v.mp4" | va-decode --raw - >a.raw
    # shellcheck disable=SC2002
    cat "$V/v.mp4" | va-decode --raw --unconfined - | cmp - a.raw
    mkdir crops
    ffmpeg -nostdin -v error -i "$V/wide.mp4" crops/%05d.jpg
    ffmpeg -nostdin -v error -i "$V/v.mp4" -start_number 61 crops/%05d.png
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=1600x1200:duration=0.1:rate=30 -start_number 91 crops/%05d.png
    va-decode --every 2 -o c.h5 crops
    va-decode --every 2 --unconfined -o d.h5 crops
    cmp c.h5 d.h5
    va-decode --size 320x200 -o c.h5 crops
    va-decode --size 320x200 --unconfined -o d.h5 crops
    cmp c.h5 d.h5
}

@test "broken pictures and packets are told and counted as with --unconfined" {
    mkdir crops
    ffmpeg -nostdin -v error -i "$V/v.mp4" crops/%05d.jpg
    for i in 03 04 29; do head -c 400 "crops/000$i.jpg" >x && mv x "crops/000$i.jpg"; done
    : >crops/00012.jpg
    head -c 3000 "$V/wide.avi" >cut.avi
    for input in crops cut.avi; do
        for tolerate in 0 2 100; do
            rc=0
            va-decode --unconfined --tolerate $tolerate -o a.h5 $input 2>expected || rc=$?
            run -$rc --separate-stderr va-decode --tolerate $tolerate -o b.h5 $input
            [ "$stderr" = "$(cat expected)" ]
            [ $rc -ne 0 ] || cmp a.h5 b.h5
        done
    done
}

@test "a decoder that crashes: one line, exit 3, no process left" {
    open_video va-decode -o a.h5 -
    kill -SEGV "$worker"
    rc=0
    wait $tool || rc=$?
    [ $rc -eq 3 ]
    [ "$(cat err)" = "va-decode: standard input: the decoder failed on it (signal 11, Segmentation fault)" ]
    [ ! -e a.h5 ]
    gone "$keeper" "$worker"
}

@test "a decoder that the system kills is the machine's failure: exit 4" {
    open_video va-decode -o a.h5 -
    kill -KILL "$worker"
    rc=0
    wait $tool || rc=$?
    [ $rc -eq 4 ]
    [ "$(cat err)" = "va-decode: standard input: its decoder was killed, perhaps because memory ran out" ]
    gone "$keeper" "$worker"
}

@test "SIGKILL and SIGTERM of the tool end the decoder too" {
    for signal in KILL TERM; do
        rm -f pipe
        open_video va-decode -o a.h5 -
        kill -$signal $tool
        wait $tool || true
        gone "$keeper" "$worker"
        kill "$writer" || true
    done
}

@test "the decoder is confined: no new privileges, system calls filtered, nothing open but its own" {
    if va-decode --version | grep -q sanitize; then skip "sanitizers are not confined"; fi
    open_video va-decode -o a.h5 -
    for _ in $(seq 500); do
        ! grep -q '^Seccomp:.*2' "/proc/$worker/status" || break
        sleep 0.02
    done
    grep -q '^Seccomp:.*2' "/proc/$worker/status"
    grep -q '^NoNewPrivs:.*1' "/proc/$worker/status"
    [ "$(find "/proc/$worker/fd" -name '[0-9]*' | wc -l)" -le 7 ]
    kill $tool
    wait $tool || true
    gone "$keeper" "$worker"
}

@test "8192x8192 with 16 threads fits into 700 MB" {
    if va-decode --version | grep -q sanitize; then skip "sanitizers need more memory"; fi
    ffmpeg -nostdin -v error -f lavfi -i color=gray:size=8192x8192:rate=10 -frames:v 6 -c:v libx264 \
        -preset ultrafast -bf 0 -g 3 big.mp4
    for how in --quiet --unconfined; do
        run -0 --separate-stderr bash -c "ulimit -d 700000; va-decode --threads 16 --size 64 $how --raw big.mp4 | wc -c"
        [ "$output $stderr" = "$((6 * 64 * 64 * 3)) " ]
    done
}
