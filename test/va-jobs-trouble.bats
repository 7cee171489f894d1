#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016,SC2094 # run sets stderr; scripts are written in quotes; lists are inputs that stay
# Jobs that fail, are lost or run already, and schedulers that do not answer: nothing is lost, and status says why.
bats_require_minimum_version 1.8.0
load lib/va
load lib/jobs

@test "a scheduler that does not answer: nothing is submitted or cleared; a number that it has forgotten is no job" {
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=mute 2>log || explain "$(cat log)"
    va-jobs status mute >status # all is done: nobody is asked
    rm calls mute/.make/jobs/state/table.1
    find mute -type f -exec sha256sum {} + | sort >before
    mv bin/squeue kept
    says() { printf '#!/bin/sh\n%s\n' "$1" >bin/squeue && chmod +x bin/squeue; }
    # shellcheck disable=SC2034 # the loop names them
    again=(submit corpus.mk "${SMALL[@]}" OUT=mute SEED=9) look=(status mute)
    for words in again look; do
        declare -n of=$words
        says 'echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1'
        run -4 --separate-stderr va-jobs "${of[@]}"
        [ "$stderr" = "va-jobs: squeue failed: slurm_load_jobs error: Unable to contact slurm controller: try again later" ] || explain "$stderr"
        says 'exit 124' # of timeout(1)
        run -4 --separate-stderr va-jobs "${of[@]}"
        [ "$stderr" = "va-jobs: squeue failed: no answer in 60 s: try again later" ] || explain "$stderr"
    done
    [ ! -e calls ]
    find mute -type f -exec sha256sum {} + | sort | cmp before -
    says 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1'
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=mute SEED=9 2>log || explain "$(cat log)"
    [ -e calls ]
    mv kept bin/squeue
    for dialect in pbs sge; do
        as_by_qsub $dialect mute-$dialect
        touch "$STATE/down"
        PATH=$STATE/bin:$PATH run -4 va-jobs submit --scheduler $dialect corpus.mk "${SMALL[@]}" OUT=mute-$dialect SEED=9
        [ "$output" = "va-jobs: qstat failed: qstat: cannot connect to server: try again later" ] || explain "$output"
    done
}

@test "what sbatch prints is the number of a job, and a cluster; else what was submitted stays noted" {
    mkdir -p odd
    answers() { printf '#!/bin/sh\ncase "$*" in *va-windows*) echo 7 ;; *) printf "%%b\\n" "%s" ;; esac\n' "$1" >odd/sbatch && chmod +x odd/sbatch; }
    for answer in "" "Submitted batch job 8" '8\\nsbatch: see the news' "8 lab"; do
        answers "$answer"
        PATH=$PWD/odd:$PATH run -4 --separate-stderr va-jobs submit corpus.mk "${SMALL[@]}" QUIET=1 OUT=told
        [[ $stderr == "va-jobs: slurm: submit.sh ended with exit code 4: sbatch said '"*"' for folds, expected the number of a job: look for it in the queue; what was submitted before is in $PWD/told/.make/jobs/ids" ]] || explain "$stderr"
        [ "${#stderr_lines[@]}" -eq 1 ]
        [ "$(cat told/.make/jobs/ids)" = "windows slurm 7" ]
    done
    printf '#!/bin/sh\necho "$*" >>asked\necho "9;lab"\n' >odd/sbatch
    printf '#!/bin/sh\necho "squeue $*" >>asked\nprintf "CLUSTER: lab\\n 9_1 va\\n"\n' >odd/squeue
    chmod +x odd/squeue
    PATH=$PWD/odd:$PATH va-jobs submit corpus.mk "${SMALL[@]}" OUT=told
    [ "$(sed -n 2p told/.make/jobs/ids)" = "folds slurm 9;lab" ]
    grep -q -- "--dependency=afterok:9 " asked
    PATH=$PWD/odd:$PATH run -3 va-jobs submit corpus.mk "${SMALL[@]}" OUT=told
    [ "$output" = "va-jobs: told: jobs are still queued or running: 9;lab 9;lab 9;lab: wait for them, or cancel them first" ] || explain "$output"
    grep -qx "squeue -h -M lab -j 9" asked
}

@test "a task that fails: what follows is not begun; status says why; the same command continues" {
    cp labels/d.txt kept.txt
    va-jobs submit corpus.mk "${SMALL[@]}" "TRAIN_OPTIONS=--channels 6,6 --no-such" OUT=bad 2>log || explain "$(cat log)"
    run -1 va-jobs status bad
    [ "${lines[1]}" = $'windows\t1\t1\t0\t0\t0\t0' ] || explain "$output"
    [ "${lines[2]}" = $'folds\t2\t0\t0\t0\t2\t0' ]
    [ "${lines[3]}" = $'table\t1\t0\t0\t0\t0\t1' ]
    [ "${lines[4]}" = "folds 1: va-tcn-mamba-train: unknown option --no-such (try --help) (bad/.make/jobs/log/folds.1)" ]
    [ ! -e bad/table.txt ]
    # the reason is what the command said that make gave up; where it was killed, that is why
    printf '%s\n' >bad/.make/jobs/log/folds.1 "va-window: of an earlier command" "  va-tcn-mamba-train bad/cv/0/model.h5" \
        "make: *** [cv.mk:35: bad/cv/0/model.h5] Killed" "  va-score bad/cv/1/score.tsv" "va-score: a warning" "make: Target 'x' not remade"
    run -1 va-jobs status bad
    [ "${lines[4]}" = "folds 1: killed by signal 9, perhaps for memory: --ask folds=\"--mem=16G\" (bad/.make/jobs/log/folds.1)" ] || explain "$output"
    sed -i 's/Killed/Error 137/' bad/.make/jobs/log/folds.1 # of a shell that began it
    run -1 va-jobs status bad
    [[ ${lines[4]} == "folds 1: killed by signal 9, perhaps for memory: "* ]] || explain "$output"
    rm bad/.make/jobs/log/folds.1
    run -1 va-jobs status bad
    [ "${lines[4]}" = "folds 1: log missing (bad/.make/jobs/log/folds.1)" ] || explain "$output"
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=bad 2>log || explain "$(cat log)"
    cmp made/table.txt bad/table.txt
}

@test "a launcher that a signal ended, as with a rank that is lost: status says so, and the same command continues" {
    printf '#!/bin/sh\n[ -e spare ] || kill -KILL $$\nexec "$@"\n' >killed.sh && chmod +x killed.sh
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=rank TRAIN_LAUNCH=./killed.sh 2>log || explain "$(cat log)"
    run -1 va-jobs status rank
    [ "${lines[4]}" = "folds 1: va-tcn-mamba-train: rank/cv/0/model.h5: './killed.sh' ended with exit code 137: a process of it was killed or lost. The same make continues (rank/.make/jobs/log/folds.1)" ] || explain "$output"
    [ "$(tail -n 1 rank/.make/jobs/log/folds.1)" = "folds 1: make ended with exit code 2: va-jobs status gives the reason; va-jobs submit continues" ]
    touch spare
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=rank TRAIN_LAUNCH=./killed.sh 2>log || explain "$(cat log)"
    cmp made/table.txt rank/table.txt
}

@test "tasks on a node that does not answer run for slurm: status names the node" {
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=node 2>log || explain "$(cat log)"
    touch queued
    echo "running n2" >node/.make/jobs/state/folds.1
    echo "running n22" >node/.make/jobs/state/folds.2
    printf '#!/bin/sh\nprintf "n1 down\\nn2 alloc*\\nn22 mix\\n"\n' >bin/sinfo && chmod +x bin/sinfo
    run -0 va-jobs status node
    rm queued bin/sinfo
    [ "${lines[2]}" = $'folds\t2\t0\t2\t0\t0\t0' ] || explain "$output"
    [ "${lines[4]}" = "folds 1: node n2 does not answer: the task is queued again when slurm takes it for down (sinfo)" ]
    [ "${#lines[@]}" -eq 5 ]
}

@test "a task whose predecessors are not done does not make their files" {
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=alone 2>log || explain "$(cat log)"
    rm alone/windows.h5 alone/.make/jobs/state/windows.1
    VA_WAIT=1 run -4 sh "$top/pipelines/job.sh" "$PWD/alone/.make/jobs" folds 1 windows
    [ "$output" = "folds 1: not all tasks of windows are done" ]
    [ ! -e alone/windows.h5 ]
    # VA_WAIT is a setting, too: who finishes late is waited for
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=waits VA_WAIT=60 2>log || explain "$(cat log)"
    rm waits/.make/jobs/state/windows.1
    (/bin/sleep 2 && echo 'done' >waits/.make/jobs/state/windows.1) 3>&- &
    VA_WAIT=1 run -0 sh "$top/pipelines/job.sh" "$PWD/waits/.make/jobs" folds 1 windows
}

@test "told that its time is over, a task stops with a checkpoint and is queued again" {
    printf '#!/bin/sh\necho "$*" >>requeued\n' >bin/scontrol
    printf '#!/bin/sh\n:\n' >bin/sleep # of job.sh, which waits to be ended
    chmod +x bin/scontrol bin/sleep
    endless=("TRAIN_OPTIONS=--channels 6,6 --kernel 3 --layers 1 --epochs 1000000 --steps 0 --batch 4")
    va-jobs plan corpus.mk "${SMALL[@]}" OUT=late >plan # the folder, without running it
    mv bin/sbatch bin/held && printf '#!/bin/sh\necho 7\n' >bin/sbatch && chmod +x bin/sbatch
    va-jobs submit corpus.mk "${SMALL[@]}" "${endless[@]}" OUT=late 2>log || explain "$(cat log)"
    mv bin/held bin/sbatch
    sh "$top/pipelines/job.sh" "$PWD/late/.make/jobs" windows 1 >log 2>&1 || explain "$(cat log)"
    SLURM_JOB_ID=77 sh -c 'exec sh "$0" "$@"' "$top/pipelines/job.sh" "$PWD/late/.make/jobs" folds 1 windows >log 2>&1 3>&- &
    job=$!
    for _ in $(seq 600); do [ "$(wc -l 2>/dev/null <late/cv/0/train.tsv || echo 0)" -gt 20 ] && break; /bin/sleep 0.05; done
    kill -USR1 $job
    wait $job && explain "exit 0"
    [ "$(cat requeued)" = "requeue 77" ] || explain "$(cat log)"
    [ "$(cat late/.make/jobs/state/folds.1)" = waiting ]
    va-check late/cv/0/model.h5.state
    rm -f bin/scontrol bin/sleep requeued late/cv/0/train.tsv
    # told to stop, by a scheduler that queues it again itself: it waits, and has not failed
    sh "$top/pipelines/job.sh" "$PWD/late/.make/jobs" folds 1 windows >log 2>&1 3>&- &
    job=$!
    for _ in $(seq 600); do [ "$(wc -l 2>/dev/null <late/cv/0/train.tsv || echo 0)" -gt 20 ] && break; sleep 0.05; done
    kill -TERM $job
    wait $job && explain "exit 0"
    [ "$(cat late/.make/jobs/state/folds.1)" = waiting ] || explain "$(cat log)"
}

@test "local: while its tasks run, status says so and a second submit is refused; TERM ends the tasks, too" {
    endless=("${SMALL[@]}" "TRAIN_OPTIONS=--channels 6,6 --kernel 3 --layers 1 --epochs 1000000 --steps 0 --batch 4")
    va-jobs submit --scheduler local corpus.mk "${endless[@]}" OUT=ended 2>log 3>&- &
    job=$!
    for _ in $(seq 600); do [ "$(wc -l 2>/dev/null <ended/cv/0/train.tsv || echo 0)" -gt 20 ] && break; sleep 0.05; done
    run -0 va-jobs status ended
    [[ ${lines[2]} == $'folds\t2\t0\t'[12]$'\t'[01]$'\t0\t0' ]] || explain "$output"
    [ "${lines[3]}" = $'table\t1\t0\t0\t1\t0\t0' ]
    run -4 --separate-stderr va-jobs submit corpus.mk "${endless[@]}" OUT=ended
    [ "$stderr" = "va-jobs: ended/.make/jobs: in use by process $job" ] || explain "$stderr"
    kill -TERM $job
    wait $job && explain "exit 0"
    [ "$(tail -n 1 log)" = "va-jobs: interrupted: the same command continues" ] || explain "$(cat log)"
    [ "$(grep -al ended/cv/0/model.h5 /proc/[0-9]*/cmdline 2>/dev/null)" = "" ]
    va-check ended/cv/0/model.h5.state
    [ "$(cat ended/.make/jobs/state/folds.1)" = waiting ]
    rm ended/cv/*/model.h5.state # of other settings
    va-jobs submit --scheduler local corpus.mk "${SMALL[@]}" OUT=ended 2>log || explain "$(cat log)"
    cmp made/table.txt ended/table.txt
}

@test "a full disk: submit names the cause, status the reason of what is lost" {
    can_mount || skip "cannot mount here"
    mkdir -p full
    printf '%s\n' a b >two
    cat >on_full.sh <<'EOF'
head -c 1M /dev/zero >full/fill 2>/dev/null
va-jobs submit --scheduler local corpus.mk "$@" OUT=full/o 2>&1
echo $?
mkdir -p full/o/.make/jobs
ln -s "$PWD/two" full/o/.make/jobs/folds
va-jobs status full/o
echo $?
EOF
    run -0 small_disk 64k full bash on_full.sh "${SMALL[@]}"
    [ "${lines[0]}" = "va-jobs: full/o/.make/running: cannot be written: No space left on device" ] || explain "$output"
    [ "${lines[1]}" = 4 ]
    [ "${lines[3]}" = $'folds\t2\t0\t0\t0\t0\t2' ] || explain "$output"
    [ "${lines[4]}" = "full/o: no space is left on its disk: free some, then the same va-jobs submit continues" ]
    [ "${lines[5]}" = 1 ]
}

@test "what is prepared fails: the tool says why" {
    run -3 --separate-stderr va-jobs submit --scheduler local corpus.mk "${SMALL[@]}" OUT=prepared FOLD_COUNT=50 QUIET=1
    [[ $stderr == "va-fold: found 4 groups of videos, expected at least 50"* ]] || explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] && [ ! -e prepared/.make/jobs ]
}
