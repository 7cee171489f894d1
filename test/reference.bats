#!/usr/bin/env bats
# Models against PyTorch on fresh weights and sizes. Needs a Python with torch and numpy, named by PY
# or found as python3; SEED chooses the case.
bats_require_minimum_version 1.8.0
load lib/va

@test "every temporal model: predictions, gradients and twenty steps of training" {
    python_with torch numpy
    seed=${SEED:-$(date +%s)}
    echo "# seed $seed" >&3
    "$PY" "$BATS_TEST_DIRNAME/reference/make.py" "$BATS_TEST_TMPDIR/golden" --seed "$seed"
    cd "$BATS_TEST_DIRNAME/.."
    VA_GOLDEN=$BATS_TEST_TMPDIR/golden run -0 "$BUILD/test/unit/test_reference"
    [ "${lines[-1]}" = "22 passed, 0 failed" ]
}

@test "va-finetune: losses, gradients and weights of twelve steps" {
    python_with torch numpy h5py
    cd "$BATS_TEST_TMPDIR"
    mkdir labels expressions
    for v in a b; do
        make_frames --frames 40 --width 48 --height 48 --video $v --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 40 --seed "$(printf %d "'$v")" --unlabelled 3,4,20 >labels/$v.txt
        { echo a,b,c; seq 1 40 | awk '{ print $1 < 9 ? -1 : $1 < 20 ? 2 : 0 }'; } >expressions/$v.txt
    done
    va-weights init --arch vit_tiny -o tiny.h5
    echo a >train.txt
    echo b >val.txt
    tune() { # each picture once in a batch, as it is
        va-finetune -q -w tiny.h5 --labels labels --expressions expressions --classes 3 --train train.txt \
            --val val.txt --per-video 38 --batch 38 --crop 1 --flip 0 --brightness 0 --contrast 0 \
            --saturation 0 --drop-path 0 --epochs 12 --warmup-epochs 3 --min-lr 2e-5 --layer-decay .6 \
            --weight-decay 3 --loss mix --mix .4 --expr-weight .7 --select last --log-dir log "$@" a.h5 b.h5
    }
    for freeze in 0 1; do
        tune --freeze-blocks $freeze --lr 0 --min-lr 0 --steps 1 -o first.h5
        tune --freeze-blocks $freeze --lr 3e-4 -o last.h5
        run -0 "$PY" "$BATS_TEST_DIRNAME/reference/finetune.py" first.h5 last.h5 log/train.tsv a.h5 labels/a.txt \
            expressions/a.txt --freeze $freeze --lr 3e-4 --min-lr 2e-5 --warmup 3 --layer-decay .6 \
            --weight-decay 3 --mix .4 --expr-weight .7 --bound .1
    done
}
