#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-tcn-mamba-train on four small videos with labels; the arithmetic itself is tested in test/unit.
bats_require_minimum_version 1.8.0
load lib/va
load lib/train
setup_file() { train_setup_file; }
setup() { cd "$BATS_TEST_TMPDIR" && cp -r "$BATS_FILE_TMPDIR"/* .; }

@test "generic battery" {
    BATTERY_WHOLE="train.txt val.txt" generic_battery va-tcn-mamba-train -q "${RUN[@]}" --epochs 2 -o m.h5
}

@test "a model, logs, nothing else; equal runs give equal bytes" {
    run -0 --separate-stderr train --epochs 3 --log-dir log -o m.h5
    [ "$output$stderr" = "" ]
    va-check m.h5
    [ "$(ls -A log)" = "$(printf 'train.tsv\nval.tsv')" ]
    [ ! -e m.h5.state ]
    [ "$(head -n 1 log/train.tsv)" = "$(printf 'step\tepoch\tlr\tloss\tccc_valence\tccc_arousal\tgrad_norm')" ]
    [ "$(head -n 1 log/val.tsv)" = "$(printf 'step\tepoch\tvalence\tarousal\tmean\tbest')" ]
    [ "$(cut -f 1 log/train.tsv | paste -sd ' ')" = "step 1 2 3 4 5 6 7 8 9 10 11 12" ]
    [ "$(cut -f 1,2 log/val.tsv | tail -n 3 | paste -sd ' ')" = "$(printf '4\t1 8\t2 12\t3')" ]
    mv m.h5 first.h5 && mv log first
    train --epochs 3 --log-dir log -o m.h5
    cmp m.h5 first.h5
    diff -r log first
}

@test "another seed gives another model; threads and instruction sets agree" {
    train --epochs 10 --lr 0.01 --seed 7 -o seven.h5
    train --epochs 10 --lr 0.01 -j 1 -o one.h5
    run ! va-h5cmp --abs 1e-2 one.h5 seven.h5
    for j in 2 3 7; do
        train --epochs 10 --lr 0.01 -j $j -o many.h5
        cmp one.h5 many.h5
    done
    VA_ISA=plain train --epochs 10 --lr 0.01 -o plain.h5 # no fused multiplications
    va-h5cmp --abs 1e-4 one.h5 plain.h5
    grep -qw fma /proc/cpuinfo || return 0
    for isa in avx2 avx512; do # no more than the machine has
        VA_ISA=$isa train --epochs 10 --lr 0.01 -o other.h5
        cmp one.h5 other.h5
    done
}

@test "--version -v says what will be used: below AVX-512 neither AMX nor parts, unless VA_PARTS asks for them" {
    cpu() { env "$@" va-check --version -v 2>&1 | grep '^cpu \|took'; }
    [[ $(cpu VA_ISA=plain) =~ ^"cpu        plain"(" (AMX is announced but traps)")?$ ]]
    [[ $(cpu VA_ISA=plain VA_PARTS=yes) == "cpu        plain, float32 in parts of bfloat16"* ]]
    [[ $(cpu VA_ISA=avx2) != *", AMX"* && $(cpu VA_ISA=avx2) != *parts* ]]
    [[ $(cpu VA_AMX=no) != *", AMX"* && $(cpu VA_VNNI=no) != *VNNI* ]]
    [[ $(cpu VA_PARTS=no) != *parts* ]]
}

@test "VA_ISA: a name that is none is refused" {
    VA_ISA=avx3 run -2 --separate-stderr va-check one.h5
    [ "$stderr" = "va-check: VA_ISA=avx3: expected plain, avx2 or avx512 (try --help)" ]
    VA_VNNI=off run -2 --separate-stderr va-check one.h5
    [ "$stderr" = "va-check: VA_VNNI=off: expected no or yes (try --help)" ]
    VA_AMX=1 run -2 --separate-stderr va-check one.h5
    [ "$stderr" = "va-check: VA_AMX=1: expected no or yes (try --help)" ]
    VA_PARTS=3 run -2 --separate-stderr va-check one.h5
    [ "$stderr" = "va-check: VA_PARTS=3: expected no or yes (try --help)" ]
    VA_BF16=1 run -2 --separate-stderr va-check one.h5
    [ "$stderr" = "va-check: VA_BF16=1: expected no or yes (try --help)" ]
    VA_ISA='' run -0 va-check w.h5 # set to nothing: no wish
}

@test "--steps ends the run with a validation" {
    train --epochs 3 --steps 5 --log-dir log -o m.h5
    [ "$(tail -n 1 log/train.tsv | cut -f 1,2)" = "$(printf '5\t2')" ]
    [ "$(cut -f 1 log/val.tsv | paste -sd ' ')" = "step 4 5" ]
}

@test "the summary counts one update and one epoch in the singular" {
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" --steps 1 -o m.h5
    [[ $stderr == *"m.h5: 1 update in 1 epoch, best mean CCC "* ]] || explain "$stderr"
}

@test "--preset authors evaluates four times an epoch" {
    train --preset authors --epochs 2 --log-dir log -o m.h5
    [ "$(cut -f 1 log/val.tsv | paste -sd ' ')" = "step 1 2 3 4 5 6 7 8" ]
    [ "$(attribute m.h5 in-norm)" = yes ]
    [ "$(attribute m.h5 train.moments)" = sample ]
}

@test "validation: each frame once is what va-score says of overlapping windows" {
    train --epochs 2 --select last --log-dir log -o m.h5
    va-predict -q -m m.h5 -o p.h5 --mode overlap --clip no --windows w.h5 --list val.txt
    va-score --labels labels --list val.txt p.h5 >score.tsv
    ours=$(tail -n 1 log/val.tsv | cut -f 3,4)
    theirs=$(awk '$1 == "pooled" && $2 != "mean" { print $3 }' score.tsv | paste -s)
    awk -v a="$ours" -v b="$theirs" 'BEGIN { split(a, x); split(b, y)
        for (i = 1; i <= 2; i++) { d = x[i] - y[i]; if (!(d * d < 1e-12)) exit 1 } }' ||
        explain "val.tsv: $ours, va-score: $theirs"
    # frames in two windows count twice: another value, and the same without an overlap
    train --epochs 2 --select last --validation windows --log-dir twice -o m.h5
    run ! diff -q log/val.tsv twice/val.tsv
    va-window --labels labels --window 30 --stride 30 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    train --epochs 2 --select last --log-dir log -o m.h5
    train --epochs 2 --select last --validation windows --log-dir twice -o m.h5
    diff <(cut -f 3-5 log/val.tsv) <(cut -f 3-5 twice/val.tsv)
}

@test "--select last keeps the last weights, best those of the best validation" {
    train --epochs 30 --lr 0.05 --schedule constant --log-dir log -o best.h5
    best=$(tail -n 1 log/val.tsv | cut -f 6)
    [ "$(sort -g -k 5 log/val.tsv | tail -n 1 | cut -f 5)" = "$best" ]
    step=$(awk -v b="$best" '$5 == b { print $1; exit }' log/val.tsv)
    [ "$step" -lt 120 ] || explain "the best validation is the last one: nothing is shown"
    train --epochs 30 --lr 0.05 --schedule constant --select last -o last.h5
    run ! va-h5cmp best.h5 last.h5
    train --epochs 30 --lr 0.05 --schedule constant --select last --steps "$step" -o then.h5
    for t in tcn.0.conv1.weight_v mamba.0.A_log fc2.bias; do
        [ "$(column best.h5 /tensors/$t)" = "$(column then.h5 /tensors/$t)" ]
    done
}

@test "--shuffle no trains in the order of the file" {
    train --epochs 2 --shuffle no --lr 0 --dropout 0 --select last --log-dir log -o m.h5
    # with lr 0 an epoch repeats the one before
    [ "$(sed -n 2,5p log/train.tsv | cut -f 4)" = "$(sed -n 6,9p log/train.tsv | cut -f 4)" ]
    train --epochs 2 --lr 0 --dropout 0 --select last --log-dir log -o m.h5
    [ "$(sed -n 2,5p log/train.tsv | cut -f 4)" != "$(sed -n 6,9p log/train.tsv | cut -f 4)" ]
}

@test "--init goes on from given weights and takes their shape" {
    train --epochs 2 --lr 0 --select last -o first.h5
    va-tcn-mamba-train -q --windows w.h5 --train train.txt --val val.txt --init first.h5 --batch 4 \
        --epochs 1 --lr 0 --select last -o second.h5
    [ "$(column first.h5 /tensors/fc1.weight)" = "$(column second.h5 /tensors/fc1.weight)" ]
    run -3 --separate-stderr train --init first.h5 --layers 2 --epochs 1 -o m.h5
    [ "$stderr" = "va-tcn-mamba-train: first.h5: layers is 1, expected 2 as --layers says" ]
}

@test "--temporal: every model trains, resumes, streams, and says what it is" {
    for t in $(words_of va-tcn-mamba-train temporal); do
        settings=(--epochs 30 --lr 0.01 --temporal "$t" --heads 2 --channels "8,6" --log-dir log)
        train "${settings[@]}" -o m.h5
        [ "$(attribute m.h5 temporal)" = "$t" ]
        va-check m.h5
        awk 'NR > 1 && NR < 10 { first += $4 } NR > 113 { last += $4 } END { exit !(last < first) }' \
            log/train.tsv || explain "$t does not learn"
        mv m.h5 straight.h5 && mv log straight
        rm -f m.h5.state
        interrupt KILL "${settings[@]}" --save-every 7 -o m.h5
        train "${settings[@]}" --resume -o m.h5
        cmp m.h5 straight.h5 && diff -r log straight
        # blocks with carried state, and the video as one window
        va-predict -q -m m.h5 -o s.h5 --mode sequence a.h5
        va-predict -q -m m.h5 -o whole.h5 --mode chunk --window 90 a.h5
        va-h5cmp --abs 1e-5 s.h5 whole.h5
        rm -r m.h5 straight log
    done
    run -3 --separate-stderr train --temporal transformer --heads 4 --channels 6 --epochs 1 -o m.h5
    [ "$stderr" = "va-tcn-mamba-train: options: heads: found 4, expected a divisor of the width 6" ]
}

@test "--precision bf16: the curve is near that of f32; equal runs and other threads give equal bytes" {
    run=(va-tcn-mamba-train -q "${RUN[@]}" --epochs 5 --lr 0.003 --dropout 0)
    "${run[@]}" --precision f32 --log-dir f32 -o f32.h5
    "${run[@]}" --log-dir log -o m.h5
    [ "$(attribute m.h5 train.precision)" = f32 ] # the default
    same_numbers f32.h5 m.h5
    diff -r f32 log
    "${run[@]}" --precision bf16 --log-dir bf16 -o m.h5
    va-check m.h5
    [ "$(attribute m.h5 train.precision)" = bf16 ]
    attribute m.h5 provenance | grep -q -e "--precision bf16"
    run ! va-h5cmp --abs 1e-5 f32.h5 m.h5
    near() { # near LOGS LOGS LEAST: their losses, about 2, differ by this at least, and by .002 at most
        paste "$1/train.tsv" "$2/train.tsv" | awk -v least="$3" 'NR > 1 { d = $4 - $11; if (d * d > most) most = d * d }
            END { exit !(NR == 21 && most >= least ^ 2 && most < 0.002 ^ 2) }' || explain "$(paste "$1/train.tsv" "$2/train.tsv")"
    }
    near f32 bf16 1e-5
    mv m.h5 first.h5
    for j in 1 2 3; do
        "${run[@]}" -j $j --precision bf16 --log-dir log -o m.h5
        cmp m.h5 first.h5
        diff -r bf16 log
    done
    for isa in plain avx2; do # sums round otherwise, and then operands
        VA_ISA=$isa "${run[@]}" --precision bf16 --log-dir log -o m.h5
        near bf16 log 0
    done
}

@test "--precision bf16: validations round as well, and every model has something to round" {
    # without a rate the weights stay as they are: predictions alone differ
    for t in $(words_of va-tcn-mamba-train temporal); do
        for precision in f32 bf16; do
            train --temporal "$t" --heads 2 --channels "8,6" --epochs 1 --lr 0 --precision $precision --log-dir $precision -o $precision.h5
        done
        same_numbers f32.h5 bf16.h5
        paste f32/val.tsv bf16/val.tsv | awk 'NR == 2 { d = $5 - $11; exit !(d != 0 && d * d < 0.02 ^ 2) }' ||
            explain "$t: $(paste f32/val.tsv bf16/val.tsv)"
        # as va-predict does, for each precision; only attention may round otherwise when it keeps something for its gradient
        for precision in f32 bf16; do
            [[ $precision-$t != bf16-*transformer ]] || continue
            va-predict -q --precision $precision -m bf16.h5 --mode overlap --clip no --windows w.h5 --list val.txt -o p.h5
            va-score --labels labels --list val.txt p.h5 >score.tsv
            awk 'FNR == NR { ours = $5; next } $1 == "pooled" && $2 == "mean" { d = $3 - ours; exit !(d * d < 1e-12) }' \
                $precision/val.tsv score.tsv || explain "$t: $(cat $precision/val.tsv score.tsv)"
        done
    done
}

@test "--lookahead: what lies ahead can be learnt" {
    for v in a b c d; do # labels are the first two features of 5 frames later, squeezed
        column $v.h5 /features | xargs -n 6 | tail -n +6 | awk 'BEGIN { print "valence,arousal" }
            { for (i = 1; i < 3; i++) $i = $i > 4 ? 1 : $i < -4 ? -1 : $i / 4; print $1 "," $2 }' >labels/$v.txt
    done
    va-window --labels labels --window 30 --stride 20 -o w.h5 a.h5 b.h5 c.h5 d.h5 >/dev/null
    for ahead in 0 5; do
        train --epochs 40 --lr 0.01 --dropout 0 --lookahead $ahead --log-dir log$ahead -o m.h5
        [ "$(attribute m.h5 lookahead)" = $ahead ]
        va-predict -q -m m.h5 -o p.h5 --mode overlap --clip no --windows w.h5 --list val.txt
        va-score --labels labels --list val.txt p.h5 >score$ahead.tsv
    done
    awk '$1 == "pooled" && $2 == "mean" { c[FILENAME] = $3 }
        END { exit !(c["score0.tsv"] < .4 && c["score5.tsv"] > .8) }' score0.tsv score5.tsv ||
        explain "$(cat score0.tsv score5.tsv)"
    # and the trainer sees what va-score does
    awk 'NR == 1 { next } FNR == NR { last = $6; next } $1 == "pooled" && $2 == "mean" { d = $3 - last
        exit !(d * d < 1e-10) }' log5/val.tsv score5.tsv || explain "$(tail -n 1 log5/val.tsv)"
}

@test "--print-config says each value and where it came from, and trains nothing" {
    run -0 --separate-stderr va-tcn-mamba-train --print-config --preset authors-fold0 --batch 8
    [ "$stderr" = "" ]
    [ "$(head -n 1 <<<"$output")" = "$(printf 'setting\tvalue\tsource')" ]
    grep -qx "$(printf 'lr\t0.0003\tpreset')" <<<"$output"
    grep -qx "$(printf 'weight-decay\t0.01\tpreset')" <<<"$output"
    grep -qx "$(printf 'batch\t8\toption')" <<<"$output"
    grep -qx "$(printf 'channels\t1024,768,512,256\tpreset')" <<<"$output"
    run -0 --separate-stderr train --print-config -o m.h5
    grep -qx "$(printf 'window\t30\tw.h5')" <<<"$output"
    [ ! -e m.h5 ]
}

@test "--print-config: the presets, to the last value" {
    expected() { # setting, then paper, authors, authors-fold0
        cat <<END
epochs 50 50 50
warmup-epochs 5 5 5
batch 16 16 16
steps 0 0 0
lr 0.0003 3e-05 0.0003
schedule paper authors authors
weight-decay 0.001 0.001 0.01
decay weights all all
dropout 0.3 0.2 0.3
clip-norm 0 1 1
adam-eps 1e-08 1e-07 1e-07
moments population sample sample
loss-eps 1e-08 1e-08 1e-08
initial paper authors authors
validation once windows windows
evaluations 1 4 4
select best best best
shuffle yes yes yes
temporal tcn-mamba tcn-mamba tcn-mamba
channels 1024,768,512,256 1024,768,512,256 1024,768,512,256
in-norm no yes yes
kernel 15 15 15
layers 4 4 4
d-state 8 8 8
d-conv 4 4 4
expand 1 1 1
heads 4 4 4
mlp 0 0 0
hidden 128 128 128
lookahead 0 0 0
fusion none none none
stream-width 0 0 0
stream-dropout 0.2 0.2 0.2
precision f32 f32 f32
seed 42 42 42
beta1 0.9 0.9 0.9
beta2 0.999 0.999 0.999
window 300 300 1000
stride 200 200 800
tail pad drop drop
missing nearest previous previous
leading keep cut cut
test-mode overlap chunk chunk
test-window 300 500 500
test-missing nearest zero zero
END
    }
    column=2
    for preset in paper authors authors-fold0; do
        va-tcn-mamba-train --print-config --preset $preset | tail -n +3 | cut -f 1,2 | tr '\t' ' ' >found
        diff found <(expected | cut -d ' ' -f 1,$column)
        column=$((column + 1))
    done
    # windows that were cut otherwise are pointed out, where the preset was asked for
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" --preset paper --epochs 1 -o m.h5
    [[ $stderr == *"w.h5: windows 30/20, pad, nearest, keep; preset paper has 300/200, pad, nearest, keep"* ]]
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" --epochs 1 -o m.h5
    [[ $stderr != *preset* ]]
}

@test "batches without a labelled frame make no update" {
    make_labels --frames 90 --unlabelled "$(seq -s , 1 31)" >labels/a.txt
    make_labels --frames 90 --unlabelled "$(seq -s , 1 32)" >labels/b.txt
    va-window --labels labels --window 30 --stride 30 -o w.h5 a.h5 b.h5 d.h5 >/dev/null
    printf 'a\nb\n' >train.txt
    run -0 --separate-stderr va-tcn-mamba-train "${RUN[@]}" --batch 1 --shuffle no --epochs 2 \
        --log-dir log -o m.h5
    [[ $stderr == *": 4 of 12 batches had no labelled frame and made no update"* ]]
    [ "$(cut -f 1 log/train.tsv | paste -sd ' ')" = "step 2 3 5 6 8 9 11 12" ]
}

@test "on a terminal: the epoch, the loss and the best score beside rate and time left" {
    command -v script >/dev/null || skip "no script(1) to make a terminal"
    script -qefc "exec va-tcn-mamba-train ${RUN[*]@Q} --epochs 1000000 -o m.h5" out >/dev/null &
    for ((i = 0; i < 4000; i++)); do
        ! grep -q 'best CCC' out 2>/dev/null || break
        sleep 0.005
    done
    kill $!
    wait $! || true
    tr '\r' '\n' <out | grep -q ' steps, [0-9.]*/s, .*left; epoch [0-9]* of 1000000, loss [0-9.]*, best CCC ' ||
        explain "$(cat out)"
}

@test "the model says how well it did on its own validation: best, or last" {
    setting() { va-weights info "$1" | awk -F'\t' '$2 == "val-ccc" { print $3 }'; }
    train --epochs 4 --lr 0.05 --log-dir log -o best.h5
    [ "$(setting best.h5)" = "$(tail -n 1 log/val.tsv | awk -F'\t' '{ printf "%.6g", $6 }')" ]
    train --epochs 4 --lr 0.05 --select last --log-dir log -o last.h5
    [ "$(setting last.h5)" = "$(tail -n 1 log/val.tsv | awk -F'\t' '{ printf "%.6g", $5 }')" ]
}
