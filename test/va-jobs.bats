#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016,SC2094 # run sets stderr; scripts are written in quotes; lists are inputs that stay
# A pipeline as jobs: what is planned, in the words of each scheduler, and a scheduler that runs it.
bats_require_minimum_version 1.8.0
load lib/va

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

@test "local: the bytes of make; a second run has nothing to do; what is missing is made" {
    va-jobs submit --scheduler local corpus.mk "${SMALL[@]}" OUT=local 2>log || explain "$(cat log local/.make/jobs/log/*)"
    for f in table.txt table.tsv table.md cv/0/score.tsv cv/1/train.tsv; do cmp made/$f local/$f; done
    va-h5cmp made/cv/1/model.h5 local/cv/1/model.h5
    run -0 va-jobs status local
    [ "${lines[0]}" = $'stage\ttasks\tdone\trunning\twaiting\tfailed\tlost' ]
    [ "${lines[2]}" = $'folds\t2\t2\t0\t0\t0\t0' ]
    [ "${#lines[@]}" -eq 4 ]
    run -0 --separate-stderr va-jobs plan corpus.mk "${SMALL[@]}" OUT=local
    [ "$output" = "" ]
    [ "$stderr" = "va-jobs: local: nothing is left to make of 4 tasks" ]
    run -0 --separate-stderr va-jobs plan corpus.mk "${SMALL[@]}" OUT=local SEED=7
    [ "$(grep -c '^[a-z]*=\$(sbatch' <<<"$output")" -eq 2 ] || explain "$output" # folds and table, no windows
    [[ $output == *"folds=\$(sbatch"*" --array=1-2 "* ]]
}

@test "OUT in every spelling: what is left to make is planned" {
    run -0 va-jobs plan corpus.mk "${SMALL[@]}" OUT=other
    [ "$(grep -c '^[a-z]*=\$(sbatch' <<<"$output")" -eq 3 ] || explain "$output"
    mkdir -p spelled && cd spelled && cp -r ../features ../labels .
    for out in ./x . ./ .//q ././q; do
        run -0 --separate-stderr va-jobs plan corpus.mk "${SMALL[@]}" OUT=$out
        [ "$(grep -c '^[a-z]*=\$(sbatch' <<<"$output")" -eq 3 ] || explain "$out: $output$stderr"
    done
    va-jobs submit --scheduler local corpus.mk "${SMALL[@]}" OUT=. 2>log || explain "$(cat log .make/jobs/log/*)"
    cmp ../made/table.txt table.txt
    run -0 --separate-stderr va-jobs plan corpus.mk "${SMALL[@]}" OUT=./
    [ "$stderr" = "va-jobs: ./: nothing is left to make of 4 tasks" ] || explain "$output$stderr"
}

@test "the folder of the work may be called anything" {
    mkdir "a b'c\$d" && cd "a b'c\$d" && cp -r ../features ../labels .
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=o 2>log || explain "$(cat log)"
    cmp ../made/table.txt o/table.txt || explain "$(cat o/.make/jobs/log/*)"
    make --no-print-directory -f "$top/pipelines/corpus.mk" BIN="$BUILD/bin" "${SMALL[@]}" OUT=o -q
}

@test "paths of logs: % is doubled for slurm; what a scheduler reads as something else is refused" {
    mkdir -p 'b%a d%' 'h:d' 'e$f' 'g\h' && cd 'b%a d%' && cp -r ../features ../labels .
    va-jobs plan corpus.mk "${SMALL[@]}" OUT=o >plan
    grep -q -- "-o '.*/b%%a d%%/o/.make/jobs'/log/folds.%a " plan || explain "$(cat plan)"
    grep -q -- ">>'.*/b%a d%/o/.make/jobs'/ids" plan
    for case in 'pbs h:d :' 'sge h:d :' 'pbs e$f $' 'sge e$f $' "slurm g\\h \\"; do
        read -r scheduler folder character <<<"$case"
        cd "../$folder" && cp -r ../features ../labels .
        for command in plan submit; do
            run -3 --separate-stderr va-jobs $command --scheduler "$scheduler" corpus.mk "${SMALL[@]}" OUT=o
            [ "$stderr" = "va-jobs: $PWD/o/.make/jobs: $scheduler gives '$character' in the path of a log another meaning: choose another folder" ] || explain "$stderr"
            [ ! -e calls ] && [ ! -e o/.make/jobs ]
        done
    done
}

@test "plan: nothing is written; each scheduler's words; options for all stages and for one" {
    for s in slurm pbs sge local; do
        va-jobs plan --scheduler $s -j 3 --site "-A lab" --ask folds="-p 'gpu node'" corpus.mk "${SMALL[@]}" OUT=none >$s.plan
        [ ! -e none ]
        sh -n $s.plan
    done
    [ "$(grep -c -- ' -A lab ' slurm.plan)" -eq 3 ]
    grep -q "^folds=.* -c3 --mem=8192M -t 1440 --array=1-2 .* --dependency=afterok:\"\$windows\" -A lab -p 'gpu node' --wrap='exec /bin/sh .*/job.sh $PWD/none/.make/jobs folds 3 windows') || exit$" slurm.plan || explain "$(cat slurm.plan)"
    grep -q "^folds=\$(qsub .* -l select=1:ncpus=3:mem=8192mb -l walltime=24:00:00 -J 1-2 .* -W depend=afterok:\"\$windows\" -A lab .* -- /bin/sh " pbs.plan || explain "$(cat pbs.plan)"
    grep -q "^windows=\$(qsub .* -o $PWD/none/.make/jobs/log/windows.1 " pbs.plan
    grep -q "^folds=\$(qsub -V -terse .* -pe smp 3 -l h_vmem=2859M,h_rt=86400 -t 1-2 .* -hold_jid \"\$windows\" " sge.plan || explain "$(cat sge.plan)"
    grep -q "^seq 2 | xargs -P [0-9]* -I '{}' env VA_TASK='{}' /bin/sh .* folds 3 windows || exit$" local.plan || explain "$(cat local.plan)"
}

@test "slurm: three submissions, the bytes of make; memory and time by what was taken" {
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=slurm 2>log || explain "$(cat log)"
    cmp made/table.txt slurm/table.txt
    [ "$(grep -c '^sbatch' calls)" -eq 3 ]
    va-jobs status slurm >status || explain "$(cat status)"
    grep -q "'-t' '1440'" calls
    rm -r slurm/cv/1 slurm/table.* slurm/report.html
    va-jobs plan corpus.mk "${SMALL[@]}" OUT=slurm >again
    grep -q '^folds=.* --mem=512M -t 10 ' again || explain "$(cat again)"
    grep -qx '# folds: 512 MiB and 10 minutes, from 1 run in slurm/.make/usage' again
    # runs with other settings say nothing
    va-jobs plan corpus.mk "${SMALL[@]}" OUT=slurm TRAIN_OPTIONS= >again
    grep -q '^folds=.* --mem=8192M -t 1440 ' again || explain "$(cat again)"
    grep -qx '# folds: 8192 MiB and 1440 minutes, the defaults: no run with these settings' again
    sed -i 's/^va-tcn-mamba-train.*cv.0.*/va-tcn-mamba-train\t60\t60\t3000\tslurm\/cv\/0\/model.h5\n&/' slurm/.make/usage # nor do those before the last
    va-jobs plan corpus.mk "${SMALL[@]}" OUT=slurm >again
    grep -q '^folds=.* --mem=512M -t 10 ' again || explain "$(cat again)"
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

@test "pbs and sge: their words, arrays in order, the bytes of make; a second time by measured memory" {
    for dialect in pbs sge; do
        as_by_qsub $dialect $dialect
        cmp made/table.txt $dialect/table.txt || explain "$(cat $dialect/.make/jobs/log/*)"
        va-h5cmp made/cv/1/model.h5 $dialect/cv/1/model.h5
        [ "$(wc -l <"$STATE/calls")" -eq 3 ]
        va-jobs status $dialect >status || explain "$(cat status)"
        [ "$(ls $dialect/.make/jobs/log)" = $'folds.1\nfolds.2\ntable.1\nwindows.1' ]
        rm -r $dialect/cv/1 $dialect/table.* $dialect/report.html
        as_by_qsub $dialect $dialect # h_vmem is a limit
        cmp made/table.txt $dialect/table.txt || explain "$(cat $dialect/.make/jobs/log/*)"
    done
    [ "$(cut -d ' ' -f 3 pbs/.make/jobs/ids | paste -sd ' ')" = "104.server 105.server" ]
    [ "$(cut -d ' ' -f 3 sge/.make/jobs/ids | paste -sd ' ')" = "104 105" ]
    mkdir -p "a b'c%ae" && cd "a b'c%ae" && cp -r ../features ../labels .
    for dialect in pbs sge; do
        as_by_qsub $dialect o
        cmp ../made/table.txt o/table.txt || explain "$(cat o/.make/jobs/log/*)"
        rm -r o "$STATE"
    done
}

@test "pbs and sge: what follows a stage that failed is not made; what a scheduler still has is not submitted again" {
    for dialect in pbs sge; do
        as_by_qsub $dialect bad-$dialect "TRAIN_OPTIONS=--channels 6,6 --no-such"
        [ ! -e bad-$dialect/table.txt ]
        PATH=$STATE/bin:$PATH run -1 va-jobs status bad-$dialect
        [ "${lines[2]}" = $'folds\t2\t0\t0\t0\t2\t0' ] || explain "$output"
        [[ $output == *"folds 1: va-tcn-mamba-train: unknown option --no-such (try --help) "* ]] || explain "$output"
    done
    [[ $output == *"table 1: table 1: not all tasks of folds are done "* ]] || explain "$output" # -hold_jid does not ask how a job ended
    touch "$STATE/queued"
    PATH=$STATE/bin:$PATH run -3 va-jobs submit --scheduler sge corpus.mk "${SMALL[@]}" OUT=bad-sge
    [[ $output == "va-jobs: bad-sge: jobs are still queued or running: 101 102 103: wait for them, or cancel them first" ]] || explain "$output"
}

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

@test "settings of the environment reach jobs that have another one" {
    printf '#!/bin/bash\nexec env -i PATH="$PATH" %q "$@"\n' "$PWD/bin/sbatch" >bare && chmod +x bare
    mkdir -p elsewhere && mv bare elsewhere/sbatch
    PATH=$PWD/elsewhere:$PATH run -0 env "${SMALL[@]}" OUT=given va-jobs submit corpus.mk SEED=42
    cmp made/cv/1/train.tsv given/cv/1/train.tsv || explain "$(cat given/.make/jobs/log/*)"
    make --no-print-directory -f "$top/pipelines/corpus.mk" BIN="$BUILD/bin" "${SMALL[@]}" OUT=given -q
}

@test "what is refused: one line, and nothing is submitted" {
    run -2 --separate-stderr va-jobs plan
    [ "$stderr" = "va-jobs: expected a pipeline, such as affwild2.mk (try --help)" ]
    run -2 --separate-stderr va-jobs plan corpus.mk labels
    [ "$stderr" = "va-jobs: expected NAME=VALUE, found labels (try --help)" ]
    for word in OUT:=zz "OUT =zz" OUT+=zz =zz -f=zz; do
        run -2 --separate-stderr va-jobs plan corpus.mk "${SMALL[@]}" -- "$word"
        [ "$stderr" = "va-jobs: expected NAME=VALUE, found $word (try --help)" ] || explain "$stderr"
    done
    echo root:x:0:0:root:/root:/bin/sh >passwd
    run -3 --separate-stderr va-jobs plan ./passwd LABELS=labels
    [[ $stderr == "va-jobs: ./passwd: "* ]] || explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 1 ]
    run -2 --separate-stderr va-jobs plan --ask fold=x corpus.mk
    [ "$stderr" = "va-jobs: --ask fold=x: expected STAGE=OPTIONS, STAGE frames, features, windows, folds or table (try --help)" ]
    run -3 --separate-stderr va-jobs plan nosuch.mk
    [ "$stderr" = "va-jobs: cannot find pipelines/nosuch.mk: set VA_PIPELINES to its folder" ] || explain "$stderr"
    run -3 --separate-stderr va-jobs plan cv.mk WINDOWS=made/windows.h5 SPLIT=made/folds LABELS=labels
    [ "$stderr" = "va-jobs: cv.mk: no stages for jobs: use affwild2.mk or corpus.mk" ] || explain "$stderr"
    run -3 --separate-stderr va-jobs submit corpus.mk LABELS=nowhere
    [ "$stderr" = "va-jobs: no label files in nowhere: set LABELS" ] || explain "$stderr"
    run -3 --separate-stderr va-jobs status nowhere
    [ "$stderr" = "va-jobs: nowhere: found no jobs in nowhere/.make/jobs: va-jobs submit makes them" ]
    run -4 --separate-stderr va-jobs submit -q --site "-p nowhere" corpus.mk "${SMALL[@]}" OUT=part QUIET=1
    [[ $stderr == "va-jobs: slurm: submit.sh ended with exit code 1: sbatch: error: invalid partition specified: nowhere "*"; nothing was submitted" ]] || explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] && [ ! -e part/.make/jobs/command ]
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=part 2>log || explain "$(cat log)"
    (cd part/.make/jobs && tail -n +1 ids command folds submit.sh state/* log/*) >before
    run -4 va-jobs submit -q --site "-p nowhere" corpus.mk "${SMALL[@]}" OUT=part QUIET=1 SEED=7
    (cd part/.make/jobs && tail -n +1 ids command folds submit.sh state/* log/*) | cmp before - # of the run before
    run -4 --separate-stderr va-jobs submit -q --ask folds="-p nowhere" corpus.mk "${SMALL[@]}" OUT=part QUIET=1 WINDOW_OPTIONS="--window 10 --stride 10"
    [[ $stderr == *"; what was submitted before is in $PWD/part/.make/jobs/ids" ]] || explain "$stderr"
    grep -q "^windows slurm" part/.make/jobs/ids
    mkdir -m 555 closed
    if [ "$(id -u)" = 0 ]; then plainly=(setpriv --bounding-set=-dac_override); else plainly=(); fi
    run -4 --separate-stderr "${plainly[@]}" va-jobs submit corpus.mk "${SMALL[@]}" OUT=closed
    [ "$stderr" = "va-jobs: closed/.make: cannot make folder: Permission denied" ] || explain "$stderr"
    va-jobs submit corpus.mk "${SMALL[@]}" OUT=twice 2>log || explain "$(cat log)"
    touch queued
    run -3 --separate-stderr va-jobs submit corpus.mk "${SMALL[@]}" OUT=twice SEED=9
    rm queued
    [[ $stderr == "va-jobs: twice: jobs are still queued or running: 1"*": wait for them, or cancel them first" ]] || explain "$stderr"
}
