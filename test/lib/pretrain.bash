# shellcheck shell=bash
# shellcheck disable=SC2034 # rc is for the tests
# Some small pictures of cartoon faces, and a masked autoencoder that is small enough for tests.

pretrain_setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    va-synth -q --videos 2 --test 1 --frames 60 --traps no --crops yes --seed 3 -o corpus
    # shellcheck disable=SC2012 # names without surprises
    va-decode -q --size 24x24 -o a.h5 "corpus/cropped_aligned/$(ls corpus/cropped_aligned | head -n 1)"
    # shellcheck disable=SC2012
    va-decode -q --size 20x24 -o b.h5 "corpus/cropped_aligned/$(ls corpus/cropped_aligned | tail -n 1)"
    va-weights init --arch vit_tiny -o earlier.h5
    rm -r corpus
}

SMALL=(--arch vit_tiny --image 16 --patch 4 --width 16 --depth 2 --heads 2
    --decoder-width 16 --decoder-depth 1 --decoder-heads 2)
RUN=(-j 1 "${SMALL[@]}" --batch 8 --lr 0.003)
pretrain() { va-mae-pretrain -q "${RUN[@]}" "$@"; }

# Train with these options in the background until train.tsv has 20 rows, then send a signal;
# rc gets the exit code.
interrupt() {
    local signal=$1 i
    shift
    va-mae-pretrain -q "${RUN[@]}" --log-dir log "$@" & # no function: the signal is for it alone
    for ((i = 0; i < 2000; i++)); do
        [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le 20 ] || break
        sleep 0.005
    done
    rc=0
    kill -"$signal" $! || explain "the run had ended already"
    wait $! || rc=$?
}
