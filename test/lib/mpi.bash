# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # run sets stderr; pid and job are for the tests
# What the tests of several ranks share: inputs, the launcher, how to run the trainer on ranks.

setup_file() { cd "$BATS_FILE_TMPDIR" && mpi_inputs; }

mpi_inputs() {
    mkdir labels
    for v in a b c d; do
        make_features --video $v --dim 6 --frames 90 --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 90 --seed "$(printf %d "'$v")" --unlabelled 3,4,40 >labels/$v.txt
    done
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    printf 'a\nb\nc\n' >train.txt
    echo d >val.txt
}
setup() {
    cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .
    find_launcher
}

find_launcher() {
    launcher=(timeout --foreground 120 mpirun) # which tells mpirun once when it is told to stop
    if mpirun --version 2>/dev/null | grep -q "Open MPI"; then
        launcher+=(--oversubscribe --bind-to none)
        [ "$(id -u)" != 0 ] || launcher+=(--allow-run-as-root)
    fi
    # Open MPI gives the others a second when one ends with an error: nothing here needs it but the
    # tests of signals
    export OMPI_MCA_odls_base_sigkill_timeout=0
    # Two that start at the same moment in one folder may fail: mkdir, File exists (Open MPI 4.1)
    export TMPDIR=$BATS_TEST_TMPDIR
    # Open MPI does not give back all its memory, from modules that it has unloaded when that is found
    export ASAN_OPTIONS=detect_leaks=0
}

need_mpi() {
    va-tcn-mamba-train --version | grep -q '^mpi *on' || skip "this build has no MPI (make deps WITH=mpi)"
    command -v mpirun >/dev/null || skip "no mpirun here"
}

# 15 windows: in batches of 4 and of 7 some ranks of 4 get fewer than others, or none.
SMALL=(--channels "8,6" --kernel 3 --layers 1 --d-state 3 --hidden 4 --warmup-epochs 1)
RUN=(-j 1 --windows w.h5 --train train.txt --val val.txt "${SMALL[@]}")

ranks() { "${launcher[@]}" -n "$1" va-tcn-mamba-train "${RUN[@]}" "${@:2}"; }

# train N ARGS...: quietly, on N ranks; launchers talk as well, so stderr is shown on failure only
train() {
    if [ "$1" = 1 ]; then
        va-tcn-mamba-train -q "${RUN[@]}" "${@:2}"
    else
        ranks "$1" -q "${@:2}" 2>err || explain "$(cat err)"
    fi
}

# close A.h5 LOG_A B.h5 LOG_B: the bound of run/va_share.h
close() {
    local sum
    paste "$2/train.tsv" "$4/train.tsv" | awk 'NR > 1 { d = $4 - $11
        if ($1 != $8 || !(d * d <= 1e-12)) { print "step", $1, "loss", $4, $11; exit 1 } }' ||
        explain "losses differ"
    sum=$(awk 'NR > 1 { s += $3 } END { print s / 100 }' "$2/train.tsv")
    va-h5cmp --abs "$sum" "$1" "$3"
}

# What the tool said in the last run, apart from the launcher.
ours() { grep '^va-tcn-mamba-train: ' <<<"$stderr" || true; }

# start WHOM ARGS...: two ranks in the background, until train.tsv has more than ROWS (20) rows; pid gets the process
# of WHOM, a rank or the launcher. Of a rank, both wait where they are until they are told to go on:
# so they do not reach the end first, however fast the machine is; rank 1 PAUSE (0) seconds later.
start() {
    unset OMPI_MCA_odls_base_sigkill_timeout
    for ((attempt = 0; attempt < 10; attempt++)); do
        rm -rf rank.* m.h5 m.h5.state m.state log
        # shellcheck disable=SC2016 # each rank tells its process
        "${launcher[@]}" -n 2 sh -c 'echo $$ >"rank.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"; exec "$@"' sh \
            va-tcn-mamba-train "${RUN[@]}" --log-dir log "${@:2}" 2>err &
        job=$!
        for ((i = 0; i < 4000; i++)); do
            [ "$(wc -l 2>/dev/null <log/train.tsv || echo 0)" -le "${ROWS:-20}" ] || break
            sleep 0.005
        done
        [ "$i" -lt 4000 ] || explain "no steps: $(cat err)"
        pid=$job
        [ "$1" != launcher ] || return 0
        pid=$(cat "rank.$1")
        if kill -STOP "$(cat rank.0)" && sleep "${PAUSE:-0}" && kill -STOP "$(cat rank.1)" 2>/dev/null && [ ! -e m.h5 ]; then
            return 0
        fi
        wait "$job" || true
    done
    explain "ten runs had ended before they could be stopped"
}

# signal NAME [RANKS...]: to the rank, and the RANKS go on
signal() {
    kill "-$1" "$pid"
    for rank in "${@:2}"; do
        kill -CONT "$(cat "rank.$rank")" 2>/dev/null || true # which may be the killed one
    done
}
