#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-tcn-mamba-train on several ranks of one machine: the same curve as one rank, one voice, one
# writer. Without MPI all but the first test are skipped. How runs end early: mpi-stop.bats.
bats_require_minimum_version 1.8.0
load lib/va
load lib/mpi

@test "a launcher, but no MPI in the build: one line, status 4, nothing is trained" {
    local compile link
    IFS='|' read -r compile link <"$BUILD/flags"
    # the tool as MPI=no links it
    # shellcheck disable=SC2086 # lists of words
    (cd "$BATS_TEST_DIRNAME/.." && $compile -c -o "$BATS_TEST_TMPDIR/one.o" common/comm/va_comm_one.c)
    # shellcheck disable=SC2086
    ${compile%% *} -o alone "$BUILD/tools/va-tcn-mamba-train.o" one.o "$BUILD/libvacommon.a" $link
    run ! grep -q libmpi <(ldd alone)
    for env in "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0" "PMI_SIZE=3 PMI_RANK=0" \
        "SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0" PMIX_RANK=0; do
        # shellcheck disable=SC2086
        run -4 --separate-stderr env $env ./alone "${RUN[@]}" --epochs 1 -o m.h5
        [[ $stderr == "va-tcn-mamba-train: ${env%%=*}: started by a launcher as one of several "* ]]
        [ "$(wc -l <<<"$stderr")" -eq 1 ]
    done
    run -4 --separate-stderr env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1 ./alone "${RUN[@]}" \
        --epochs 1 -o m.h5
    [ "$stderr" = "" ] # rank 0 has said it
    [ ! -e m.h5 ]
    env OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 ./alone -q "${RUN[@]}" --epochs 1 -o m.h5
    [ -s m.h5 ]
}

@test "only the trainers are linked with MPI" {
    need_mpi
    for tool in "$BUILD"/bin/*; do
        case ${tool##*/} in
            va-tcn-mamba-train | va-mae-pretrain | va-finetune) ldd "$tool" | grep -q libmpi ;;
            *) run ! grep -q libmpi <(ldd "$tool") ;;
        esac
    done
}

@test "va-finetune: 1, 2 and 3 ranks follow one curve" {
    need_mpi
    mkdir expr
    for v in a b c d; do
        make_frames --frames 90 --width 20 --height 18 --video $v --seed "$(printf %d "'$v")" $v.frames.h5
        { echo A,B,C; seq 1 90 | awk '{ print $1 % 7 ? int($1 / 11) % 3 : -1 }'; } >expr/$v.txt
    done
    va-weights init --arch vit_tiny -o tiny.h5
    settings=(-q -j 1 -w tiny.h5 --labels labels --expressions expr --classes 3 --train train.txt --val val.txt
        --batch 7 --per-video 10 --epochs 3 --warmup-epochs 1 --lr 1e-4 --loss mix --freeze-blocks 0)
    va-finetune "${settings[@]}" --log-dir 1 -o 1.h5 [abcd].frames.h5
    for n in 2 3; do
        "${launcher[@]}" -n $n va-finetune "${settings[@]}" --log-dir $n -o $n.h5 [abcd].frames.h5 2>err ||
            explain "$(cat err)"
        for log in train val; do
            paste 1/$log.tsv $n/$log.tsv | awk 'NR > 1 { for (i = 1; i <= NF / 2; i++) { d = $i - $(i + NF / 2)
                m = $i < 0 ? -$i : $i; if (!(d * d <= 1e-8 * (1 + m) ^ 2)) { print; exit 1 } } }' ||
                explain "$n ranks: another curve"
        done
    done
    run -3 "${launcher[@]}" -n 3 va-finetune "${settings[@]}" --batch 2 -o n.h5 [abcd].frames.h5
    [[ $output == *"va-finetune: a batch of 2 pictures for 3 ranks, expected at least one for each rank"* ]]
}

@test "what ranks tell each other: 2 and 5 of them" {
    need_mpi
    [ -x "$BUILD/test/unit/test_ranks" ] || skip "the unit tests are not built"
    for n in 2 5; do
        VA_SHARERS=$n run -0 --separate-stderr "${launcher[@]}" -n $n "$BUILD/test/unit/test_ranks"
        [ "$(tail -n 1 <<<"$output")" = "9 passed, 0 failed" ]
        [ "$(grep '^test_ranks: ' <<<"$stderr" | LC_ALL=C sort)" = "$(printf 'test_ranks: %s\n' \
            "a file: unreadable everywhere" "rank $((n - 1)): a file: unreadable here" \
            "rank $((n - 1)): weights after step 7: differ from those of rank 0")" ]
    done
}

@test "1, 2 and 4 ranks follow the same curve, with dropout and uneven shares" {
    need_mpi
    for batch in 4 7; do
        train 1 --batch $batch --epochs 14 --select last --log-dir one -o one.h5
        [ "$(wc -l <one/train.tsv)" -gt 40 ]
        for n in 2 4; do
            train $n --batch $batch --epochs 14 --select last --log-dir many -o many.h5
            close one.h5 one many.h5 many
            [ "$(cut -f 1,2 one/val.tsv)" = "$(cut -f 1,2 many/val.tsv)" ]
            paste one/val.tsv many/val.tsv | awk 'NR > 1 { d = $5 - $11
                if (!(d * d <= 1e-10)) exit 1 }' || explain "validations differ"
        done
    done
}

@test "as many ranks again: the same bytes; no other files, one voice" {
    need_mpi
    before=$(ls -A)
    run -0 --separate-stderr ranks 3 --batch 5 --epochs 4 --log-dir log -o m.h5
    [ "$output" = "" ]
    [[ $(ours) == "va-tcn-mamba-train: m.h5: 12 updates in 4 epochs, best mean CCC "* ]]
    [ "$(ours | wc -l)" -eq 1 ]
    [ "$(ls -A -I log -I m.h5 -I "separate-stderr*")" = "$before" ]
    mv m.h5 first.h5 && mv log first
    train 3 --batch 5 --epochs 4 --log-dir log -o m.h5
    cmp m.h5 first.h5
    diff -r log first
    run -0 --separate-stderr ranks 2 --batch 5 --epochs 4 --resume -o m.h5
    [ "$(ours)" = "va-tcn-mamba-train: m.h5: is complete (precision f32; to train again, remove it)" ]
}

@test "machines with other instruction sets: weights stay the same on all ranks" {
    need_mpi
    tool=(va-tcn-mamba-train -q "${RUN[@]}" --batch 5 --epochs 4 --clip-norm 0.01 --save-every 1 -o m.h5)
    run -0 --separate-stderr "${launcher[@]}" -n 1 "${tool[@]}" : -n 1 env VA_ISA=plain "${tool[@]}"
    [ -s m.h5 ]
}

@test "ranks that share cores divide them; -j is for each" {
    need_mpi
    threads() { sed -n "s/.*: 1 of $1 ranks, \([0-9]*\) threads$/\1/p" <<<"$stderr"; }
    run -0 --separate-stderr ranks 1 -j 0 -v --print-config
    all=$(threads 1)
    for n in 2 4; do
        run -0 --separate-stderr ranks $n -j 0 -v --print-config
        [ "$(threads $n)" -eq $((all < n ? 1 : all / n)) ]
    done
    run -0 --separate-stderr ranks 2 -j 3 -v --print-config
    [ "$(threads 2)" -eq 3 ]
}

@test "help, version and settings are printed once" {
    need_mpi
    run -0 --separate-stderr ranks 3 --help
    [ "$(grep -c '^usage: ' <<<"$output")" -eq 1 ]
    run -0 --separate-stderr ranks 3 --version
    [ "$(grep -c '^va-tcn-mamba-train ' <<<"$output")" -eq 1 ]
    run -0 --separate-stderr ranks 3 --print-config
    [ "$(grep -c '^setting' <<<"$output")" -eq 1 ]
}

@test "mistakes and broken inputs: said once, the usual status" {
    need_mpi
    run -2 --separate-stderr ranks 2 --epochs 0 -o m.h5
    [ "$(ours | wc -l)" -eq 1 ]
    run -3 --separate-stderr ranks 2 --epochs 1 --train nowhere.txt -o m.h5
    [ "$(ours)" = "va-tcn-mamba-train: nowhere.txt: cannot open: No such file or directory" ]
    run -4 --separate-stderr ranks 2 --epochs 1 -o nowhere/m.h5
    [ "$(ours | wc -l)" -eq 1 ]
    [[ $(ours) == *nowhere* ]]
    # of one rank only: that rank says it, all end
    echo e >other.txt
    tool=(va-tcn-mamba-train "${RUN[@]}" --epochs 1 -o m.h5)
    run -3 --separate-stderr "${launcher[@]}" -n 1 "${tool[@]}" : -n 1 "${tool[@]}" --val other.txt
    [[ $(ours) == "va-tcn-mamba-train: rank 1: other.txt: line 1: "* ]]
    [ "$(ours | wc -l)" -eq 1 ]
    run -4 --separate-stderr "${launcher[@]}" -n 1 "${tool[@]}" : -n 1 "${tool[@]}" --lr 1
    [ "$(ours)" = "va-tcn-mamba-train: rank 1: settings and inputs: differ from those of rank 0" ]
    [ ! -e m.h5 ]
}

@test "a loss that is not finite: all stop, one line, that of a single rank" {
    need_mpi
    settings=(--batch 5 --epochs 3 --lr 1e30 --schedule constant -o m.h5)
    run -4 --separate-stderr va-tcn-mamba-train "${RUN[@]}" "${settings[@]}"
    alone=$stderr
    run -4 --separate-stderr ranks 2 "${settings[@]}"
    [ "$(ours)" = "$alone" ]
    [ ! -e m.h5 ]
}

@test "batches without a labelled frame make no update on any rank" {
    need_mpi
    make_labels --frames 90 --unlabelled "$(seq -s , 1 31)" >labels/a.txt
    make_labels --frames 90 --unlabelled "$(seq -s , 1 32)" >labels/b.txt
    va-window --labels labels --window 30 --stride 30 -o w.h5 a.h5 b.h5 d.h5 >/dev/null
    printf 'a\nb\n' >train.txt
    run -0 --separate-stderr ranks 2 --batch 1 --shuffle no --epochs 2 --log-dir log -o m.h5
    [[ $(ours) == *": 4 of 12 batches had no labelled frame and made no update"* ]]
    [ "$(cut -f 1 log/train.tsv | paste -sd ' ')" = "step 2 3 5 6 8 9 11 12" ]
}

# interrupted ARGS...: a run of two ranks that leaves a checkpoint.
interrupted() {
    ROWS=3 start 0 "$@" --save-every 1 --state m.state -o m.h5
    signal TERM 0 1
    wait "$job" || true
    [ -s m.state ] || explain "no checkpoint: $(cat err)"
}

@test "resumed on another number of ranks: the curve stays within the bound" {
    need_mpi
    settings=(--channels "48,48" --batch 4 --epochs 14 --select last)
    train 1 "${settings[@]}" --log-dir one -o one.h5
    for n in 1 4; do
        rm -rf m.h5 log
        interrupted "${settings[@]}"
        train $n "${settings[@]}" --state m.state --resume --log-dir log -o m.h5
        close one.h5 one m.h5 log
    done
}

@test "the launcher of another MPI, whose ranks see only themselves: one line, status 4" {
    need_mpi
    run -4 --separate-stderr env PMI_SIZE=2 PMI_RANK=0 va-tcn-mamba-train "${RUN[@]}" --epochs 1 -o m.h5
    [[ $(ours) == "va-tcn-mamba-train: PMI_SIZE: one of 2 processes, but MPI knows of 1: "* ]]
    [ ! -e m.h5 ]
}
