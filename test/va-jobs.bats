#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016,SC2094 # run sets stderr; scripts are written in quotes; lists are inputs that stay
# A pipeline as jobs: what is planned, in the words of each scheduler, and a scheduler that runs it.
bats_require_minimum_version 1.8.0
load lib/va
load lib/jobs

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
