# shellcheck shell=bash disable=SC2016,SC2154 # scripts are written in quotes; setup_pipelines sets top
# A small corpus, its table by make in made/, and schedulers that stand in for others (va-jobs*.bats).

setup_file() {
    setup_pipelines || return
    mkdir features labels bin
    for v in a b c d; do
        make_features --video $v --dim 4 --frames 60 --seed "$(printf %d "'$v")" features/$v.h5
        make_labels --frames 60 --seed "$(printf %d "'$v")" >labels/$v.txt
    done
    make --no-print-directory -f "$top/pipelines/corpus.mk" BIN="$BUILD/bin" "${SMALL[@]}" OUT=made QUIET=1 2>&1
    # A scheduler of one node: sbatch runs what it is given at once, and knows nothing afterwards. Jobs that wait for one
    # that failed never begin.
    cat >bin/sbatch <<'EOF'
#!/bin/bash
echo "sbatch ${*@Q}" >>calls
last=1 wrap=
for word; do
    case $word in
        --array=*) last=${word##*-} ;;
        --wrap=*) wrap=${word#--wrap=} ;;
        --dependency=afterok:*) before=${word##*:} ;;
        nowhere) echo "sbatch: error: invalid partition specified: nowhere" >&2; echo "sbatch: error: Batch job submission failed" >&2; exit 1 ;;
    esac
    [ "${log:-}" != next ] || log=$word
    [ "$word" != -o ] || log=next
done
id=$(($(cat id 2>/dev/null || echo 100) + 1))
echo $id >id
if [ ! -e "failed.${before:-none}" ]; then
    for k in $(seq "$last"); do SLURM_ARRAY_TASK_ID=$k sh -c "$wrap" >>"${log/\%a/$k}" 2>&1 || touch failed.$id; done
else
    touch failed.$id
fi
echo $id
EOF
    printf '#!/bin/sh\n[ ! -e queued ] || echo "$3"\n' >bin/squeue
    chmod +x bin/*
}

SMALL=(FEATURES=features LABELS=labels FOLD_COUNT=2 "WINDOW_OPTIONS=--window 20 --stride 20"
    "TRAIN_OPTIONS=--channels 6,6 --kernel 3 --layers 1 --epochs 2 --warmup-epochs 1 --batch 4")

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    export PATH=$PWD/bin:$PATH
    rm -f failed.* calls
}

# The words of pbs and sge, as their manuals have them: test/lib/qsub.bash refuses others, and runs what it is given.
as_by_qsub() { # as_by_qsub DIALECT OUT [VARIABLE...]: submit, with settings in the environment, from a task of another array
    export DIALECT=$1 STATE=$BATS_FILE_TMPDIR/state-$2
    mkdir -p "$STATE/home" "$STATE/bin"
    ln -sf "$BATS_TEST_DIRNAME/lib/qsub.bash" "$STATE/bin/qsub"
    cat >"$STATE/bin/qstat" <<'EOF'
#!/bin/sh
[ ! -e "$STATE/down" ] || { echo "qstat: cannot connect to server" >&2; exit 111; }
[ -e "$STATE/queued" ] && exit
if [ "$DIALECT" = pbs ]; then echo "qstat: Unknown Job Id $1"; else printf 'Following jobs do not exist: \n%s\n' "$2"; fi >&2
exit 1
EOF
    chmod +x "$STATE/bin/qstat"
    env PATH="$STATE/bin:$PATH" SLURM_ARRAY_TASK_ID=9 PBS_ARRAY_INDEX=9 "${SMALL[@]}" va-jobs submit --scheduler "$1" -j 2 corpus.mk OUT="$2" "${@:3}" 2>log || explain "$(cat log)"
}
