#!/usr/bin/env bash
# A small pipeline in the layout of Aff-Wild2, hit by SIGKILL at random moments and started again, must end
# with the bytes of a run that nobody disturbed: test/kill.sh [KILLS [SEED]], or make kill N=200.
#
# make and the tools that it runs are one process group of their own, and only that is killed. A pipeline
# that comes to its end is compared and begun anew until there were KILLS of them.
set -u
kills=${1:-200} seed=${2:-1}
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
work=$(mktemp -d) || exit 1
group=
finish() {
    [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1

fail() {
    echo "kill: $1" >&2
    [ ! -s log ] || tail -n 20 log >&2
    exit 1
}

# Becomes make, in its own process group.
pipeline() {
    exec setsid make --no-print-directory -j2 -f "$top/pipelines/affwild2.mk" BIN="$BUILD/bin" ROOT=corpus \
        ENCODER=encoder.h5 SAMPLE=corpus/sample_submission.txt OUT=out TUNE=yes FOLDS="0 1" SEED=5 \
        WINDOW_OPTIONS="--window 40 --stride 30" \
        FINETUNE_OPTIONS="--epochs 2 --warmup-epochs 0 --per-video 8 --batch 8 --unmatched skip --select last --save-every 1" \
        TRAIN_OPTIONS="--channels 8,8 --kernel 3 --layers 1 --epochs 3 --warmup-epochs 1 --batch 4 --save-every 1" \
        >log 2>&1 </dev/null
}

# What the folder out holds: a line for each file, with a sum of its bytes.
contents() { (cd out && find . -type f -exec cksum {} + | sort -k 3); }

"$BUILD/bin/va-synth" -q --videos 5 --test 1 --frames 60 --traps no --seed "$seed" -o corpus || exit 1
"$BUILD/bin/va-weights" init -q --arch vit_tiny -o encoder.h5 || exit 1
(pipeline) || fail "the undisturbed run failed"
contents >expected
[ "$(wc -l <expected)" -gt 30 ] || fail "the undisturbed run left $(wc -l <expected) files"
rm -rf out

RANDOM=$seed
done=0 runs=0 rounds=0
while [ $done -lt "$kills" ]; do
    (pipeline) &
    group=$!
    runs=$((runs + 1))
    sleep "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
    kill -KILL -- "-$group" 2>/dev/null
    wait "$group" 2>/dev/null
    case $? in
    137)
        done=$((done + 1))
        while kill -0 -- "-$group" 2>/dev/null; do sleep 0.01; done
        ;;
    0)
        contents >found
        diff expected found >&2 || fail "after $done kills the files above differ"
        rounds=$((rounds + 1))
        rm -rf out
        ;;
    *) fail "run $runs, after $done kills, failed" ;;
    esac
    group=
done
(pipeline) || fail "the run after $done kills failed"
contents >found
diff expected found >&2 || fail "after $done kills the files above differ"
echo "$done kills in $runs runs, $((rounds + 1)) pipelines to the end, $(wc -l <expected) files each: equal bytes"
