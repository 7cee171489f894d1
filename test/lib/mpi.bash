# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets stderr
# What the tests of several ranks share: inputs, the launcher, how to run the trainer on ranks.

setup_file() {
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

# What the tool said in the last run, apart from the launcher.
ours() { grep '^va-tcn-mamba-train: ' <<<"$stderr" || true; }
