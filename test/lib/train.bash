# shellcheck shell=bash
# shellcheck disable=SC2034 # rc, RUN are for the tests
# A small corpus and a small model for the tests of training.

train_setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir labels
    for v in a b c d; do
        make_features --video $v --dim 6 --frames 90 --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 90 --seed "$(printf %d "'$v")" --unlabelled 3,4,40 >labels/$v.txt
    done
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    printf 'a\nb\nc\n' >train.txt
    echo d >val.txt
}

SMALL=(--channels "8,6" --kernel 3 --layers 1 --d-state 3 --hidden 4 --batch 4 --warmup-epochs 1)
RUN=(-j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}")
train() { va-tcn-mamba-train -q "${RUN[@]}" "$@"; }

# Train with these options in the background until train.tsv has 20 rows, then send a signal;
# rc gets the exit code.
interrupt() {
    local signal=$1 i
    shift
    va-tcn-mamba-train -q "${RUN[@]}" --log-dir log "$@" & # no function: the signal is for it alone
    for ((i = 0; i < 2000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 20 ] || break
        sleep 0.005
    done
    rc=0
    kill -"$signal" $! || explain "the run had ended already"
    wait $! || rc=$?
}
