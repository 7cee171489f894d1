#!/usr/bin/env bats
# What is in contrib/: Snakefile, example for Slurm, module file. test/package/check.sh runs the image's %post.
# shellcheck disable=SC2154 # setup_pipelines sets top
bats_require_minimum_version 1.8.0
load lib/va

WINDOW="--window 60 --stride 40"
TRAIN="--channels 16,16 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0 --batch 4"

setup_file() {
    setup_pipelines
    va-synth -q --videos 7 --test 0 --frames 60 --window 60 --stride 40 --seed 5 -o corpus
    va-weights init --arch vit_tiny -o encoder.h5
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

# The same by the pipeline, once.
piped() {
    [ -e made/table.txt ] || make --no-print-directory -j2 -f "$top/pipelines/affwild2.mk" BIN="$BUILD/bin" ROOT=corpus \
        ENCODER=encoder.h5 OUT=made WINDOW_OPTIONS="$WINDOW" TRAIN_OPTIONS="$TRAIN" QUIET=1
}

@test "folds.sbatch: a task per fold, with the scores of the pipeline; again, it trains nothing" {
    piped
    mkdir -p bin labels
    cp corpus/VA_Estimation_Challenge/*_Set/*.txt labels/
    # srun here: it runs the command, and says so
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "$1" >>srun.log\nexec "$@"\n' >bin/srun
    chmod +x bin/srun
    for k in 0 5 5; do
        env PATH="$PWD/bin:$PATH" SLURM_ARRAY_TASK_ID=$k LABELS=labels WINDOWS=made/windows.h5 FOLDS=made/folds OUT=sbatch \
            TRAIN_OPTIONS="$TRAIN" bash "$top/contrib/folds.sbatch"
    done
    [ "$(paste -sd ' ' srun.log)" = "va-tcn-mamba-train va-predict va-tcn-mamba-train va-predict va-predict" ]
    for k in 0 5; do cmp made/cv/$k/score.tsv sbatch/cv/$k/score.tsv; done
    # a node that is lost: srun ends well, and there is no model
    printf '#!/bin/sh\n' >bin/srun
    run -1 env PATH="$PWD/bin:$PATH" SLURM_ARRAY_TASK_ID=1 LABELS=labels WINDOWS=made/windows.h5 FOLDS=made/folds OUT=sbatch \
        bash "$top/contrib/folds.sbatch"
}

@test "Snakefile: a dry run, and the bytes of the pipeline" {
    snakemake=${SNAKEMAKE:-$(command -v snakemake)} || skip "no snakemake (SNAKEMAKE=/path/of/it)"
    piped
    snake() {
        HOME=$PWD "$snakemake" -s "$top/contrib/Snakefile" -j 2 --config root=corpus encoder=encoder.h5 out=snake \
            tools="$BUILD/bin" window="$WINDOW" train="$TRAIN" "$@"
    }
    snake -n >dry 2>&1 || { cat dry; return 1; }
    grep -qE '^train +6' dry
    [ ! -e snake/features ]
    snake >log 2>&1 || { cat log; return 1; }
    cmp made/table.txt snake/table.txt
    cmp made/windows.h5 snake/windows.h5 || va-h5cmp made/windows.h5 snake/windows.h5
    snake >log 2>&1
    grep -q 'Nothing to be done' log
    run -1 env HOME="$PWD" "$snakemake" -s "$top/contrib/Snakefile" -j 1 --config root=corpus
    [[ $output == *"set encoder: --config encoder=..."* ]]
}

@test "module file: what make install makes of it sets PATH, MANPATH and the folder of the pipelines" {
    make -C "$top" -o all BUILD="$BUILD" install DESTDIR="$PWD/stage" PREFIX=/opt/va >/dev/null
    file=$(echo stage/opt/va/share/modulefiles/mamba-va/*)
    [ "$(va-check --version | head -n 1)" = "va-check (mamba-va) ${file##*/}" ]
    run ! grep -q @ "$file"
    grep -qx 'prepend-path PATH {/opt/va/bin}' "$file"
    make -C "$top" BUILD="$BUILD" uninstall DESTDIR="$PWD/stage" PREFIX=/opt/va
    [ -z "$(find stage -type f)" ]
}

@test "module file: loaded by environment modules and by Lmod" {
    make -C "$top" -o all BUILD="$BUILD" install PREFIX="$PWD/home" >/dev/null
    tried=0
    for command in /usr/lib/x86_64-linux-gnu/modulecmd.tcl /usr/lib/*/modulecmd.tcl /usr/share/lmod/lmod/libexec/lmod; do
        [ -e "$command" ] || continue
        MODULEPATH=$PWD/home/share/modulefiles "$command" bash load mamba-va >loaded 2>said || { cat said; return 1; }
        bash -c '. ./loaded && [ "$(command -v va-check)" = "$1/bin/va-check" ] && [ -r "$VA_PIPELINES/demo.mk" ]' bash "$PWD/home"
        MODULEPATH=$PWD/home/share/modulefiles "$command" bash help mamba-va 2>&1 | grep -q 'valence and arousal'
        tried=$((tried + 1))
    done
    [ $tried -gt 0 ] || skip "neither environment-modules nor lmod here"
}
