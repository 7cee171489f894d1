#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# The pipelines on a Slurm of three nodes, which up.sh brings up on this machine: tables are those of make alone, byte
# for byte, also when nodes go down. Run by make check-slurm; skipped without Slurm, root or namespaces.
bats_require_minimum_version 1.8.0
load ../lib/va
load ../lib/mpi
load cluster

setup_file() {
    cd "$BATS_FILE_TMPDIR" && bring_up || return
    [ -z "$lacking" ] || return 0
    va-synth -q --videos 4 --test 0 --frames 60 --traps no --size 32 --seed 5 -o corpus
    mkdir labels && cp corpus/VA_Estimation_Challenge/*_Set/*.txt labels
    va-weights init --arch vit_tiny -o encoder.h5
    makes -j2
}
teardown_file() { bring_down; }

# Each test has a folder of its own, so that names in files are the same.
setup() {
    [ -z "$lacking" ] || skip "$lacking"
    mkdir "$BATS_FILE_TMPDIR/$BATS_TEST_NUMBER" && cd "$BATS_FILE_TMPDIR/$BATS_TEST_NUMBER" || return
    ln -s ../corpus ../labels ../encoder.h5 .
}

teardown() { calm; }

TRAIN="--channels 12,12 --kernel 3 --layers 1 --epochs 40 --warmup-epochs 1 --batch 2 --save-every 10"
VARIABLES=(CROPS= VIDEOS=corpus/videos ENCODER=encoder.h5 EMBED_BATCH=1 LABELS=labels FOLD_COUNT=2 VA_WAIT=1
    WINDOW_OPTIONS="--window 20 --stride 10" TRAIN_OPTIONS="$TRAIN")
ONE="srun -Q -n1 -c1"

corpus() { make --no-print-directory -f "$top/pipelines/corpus.mk" BIN="$BUILD/bin" "${VARIABLES[@]}" "$@" >log 2>&1 3>&-; }
makes() { corpus "$@" || explain "$(cat log)"; }

# All files are there that make alone has made, with the same bytes; the page tells of times, too.
same() { diff -r -x .make -x report.html ../out out; }

@test "each command by srun: the same files" {
    makes -j3 LAUNCH="$ONE"
    same
    [ "$(wc -l <out/.make/usage)" -eq "$(wc -l <../out/.make/usage)" ]
    [ "$(wc -l </run/cluster/jobcomp.txt)" -ge "$(wc -l <out/.make/usage)" ]
}

@test "a node that goes down in embedding: the same make continues" {
    corpus -j3 LAUNCH="$ONE" &
    fell va-embed out
    wait $! && explain "exit 0: $(cat log)"
    grep -q "out/features/.*: 'srun' ended with exit code 0, .* did a node fail? The same make continues" log || explain "$(cat log)"
    down "$node"
    makes -j2 LAUNCH="$ONE"
    same
}

@test "a node that goes down in training: the same make goes on from the checkpoint" {
    corpus -j2 TRAIN_LAUNCH="$ONE" &
    until_there out/cv/1/model.h5.state
    fell va-tcn-mamba-train out/cv/1/model.h5
    wait $! && explain "exit 0: $(cat log)"
    grep -q "out/cv/1/model.h5: 'srun' ended with exit code 0, " log || explain "$(cat log)"
    down "$node"
    makes -j2 TRAIN_LAUNCH="$ONE"
    grep -q "cv/1/model.h5.state: continuing after step [1-9]" log || explain "$(cat log)"
    same
}

@test "a rank on each of two nodes: the curve of one" {
    need_mpi
    rm labels && mpi_inputs
    settings=(--batch 7 --epochs 14 --select last)
    train 1 "${settings[@]}" --log-dir one -o one.h5
    srun -Q --mpi=pmix -N2 -n2 va-tcn-mamba-train -q "${RUN[@]}" "${settings[@]}" --log-dir two -o two.h5 >log 2>&1 || explain "$(cat log)"
    close one.h5 one two.h5 two
    paste one/val.tsv two/val.tsv | awk 'NR > 1 { d = $5 - $11; if (!(d * d <= 1e-10)) exit 1 }' || explain "validations differ"
}

@test "one of two ranks is lost: srun ends the other, and the same make goes on to the same bytes" {
    need_mpi
    cp -a ../out . && rm -r out/cv out/table.* out/report.html
    ranks=(TRAIN_LAUNCH="srun -Q --mpi=pmix -N2 -n2" TRAIN_OPTIONS="$TRAIN --steps 150 --schedule constant" out/cv/0/model.h5)
    makes "${ranks[@]}"
    mv out/cv/0 straight
    for rank in 1 0; do
        corpus "${ranks[@]}" &
        until_there out/cv/0/model.h5.state
        for pid in $(pgrep -f "^$BUILD/bin/va-tcn-mamba-train .*out/cv/0/model.h5"); do
            ! tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "PMIX_RANK=$rank" || break
        done
        from=$SECONDS
        kill -KILL "$pid"
        wait $! && explain "exit 0: $(cat log)"
        [ $((SECONDS - from)) -le 10 ] || explain "$((SECONDS - from)) s: $(cat log)"
        [ ! -e out/cv/0/model.h5 ]
        grep -q "^va-tcn-mamba-train: out/cv/0/model.h5: 'srun' ended with exit code 1[0-9]*: a process of it was killed or lost" log || explain "$(cat log)"
        makes "${ranks[@]}"
        grep -q "model.h5.state: continuing after step [1-9]" log || explain "$(cat log)"
        diff -r straight out/cv/0
        rm -r out/cv/0
    done
}

submit() { va-jobs submit -j 1 corpus.mk "${VARIABLES[@]}" >log 2>&1 3>&- || explain "$(cat log)"; }
ended() { # all jobs have ended, and all is made
    until_empty
    va-jobs status out >ended || explain "$(cat ended; squeue; tail -n 5 out/.make/jobs/log/*)"
    same
}

@test "va-jobs: arrays give the same files in four submissions; again: nothing is left" {
    submit
    ended
    [ "$(wc -l <out/.make/jobs/ids)" -eq 4 ]
    run -0 --separate-stderr va-jobs submit corpus.mk "${VARIABLES[@]}"
    [[ $stderr == "va-jobs: out: nothing is left to make of "* ]] || explain "$stderr"
    [ -z "$(squeue -h)" ]
    rm out/cv/1/score.tsv out/table.txt # make asks for what the table needs
    submit
    [ "$(cut -d ' ' -f 1 out/.make/jobs/ids | paste -s -d ' ')" = "folds table" ]
    [ "$(cat out/.make/jobs/folds)" = out/cv/1/score.tsv ] || explain "$(cat out/.make/jobs/folds)"
    ended
}

@test "va-jobs: a job that has to make way is queued again, and goes on from its checkpoint" {
    cp -a ../out . && rm -r out/cv out/table.* out/report.html
    submit
    hold out/cv/0/model.h5
    srun -Q -p urgent -N3 -n3 true
    run -0 va-jobs status out # not failed
    [[ ${lines[1]} =~ ^$'folds\t2\t'[01]$'\t0\t'[12]$'\t0\t0'$ ]] || explain "$output"
    ended
    grep -q "model.h5.state: continuing after step [1-9]" out/.make/jobs/log/folds.1 || explain "$(cat out/.make/jobs/log/folds.1)"
}

@test "va-jobs: jobs that are cancelled are lost, and the same command continues" {
    cp -a ../out . && rm -r out/cv out/table.* out/report.html
    submit
    hold out/cv/0/model.h5
    scancel -u root
    until_empty
    run -1 va-jobs status out
    [[ ${lines[1]} =~ ^$'folds\t2\t'[01]$'\t0\t0\t0\t'[12]$ ]] || explain "$output"
    submit
    ended
}

@test "va-jobs: a node that goes down under a fold: another one goes on from the checkpoint" {
    cp -a ../out . && rm -r out/cv out/table.* out/report.html
    submit
    until_there out/cv/1/model.h5.state
    fell va-tcn-mamba-train out/cv/1/model.h5
    ended
    grep -q "model.h5.state: continuing after step [1-9]" out/.make/jobs/log/folds.2 || explain "$(cat out/.make/jobs/log/folds.2)"
    down "$node" # still
}

@test "va-jobs: a partition that does not exist: one line, exit code 4" {
    run -4 --separate-stderr va-jobs submit -q --site "-p nowhere" corpus.mk "${VARIABLES[@]}"
    [[ $stderr == "va-jobs: slurm: submit.sh ended with exit code 1: sbatch: error: "*"nvalid partition"* ]] || explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 1 ]
    [ -z "$(squeue -h)" ]
}
