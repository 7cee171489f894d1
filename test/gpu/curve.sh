#!/usr/bin/env bash
# curve.sh - the curve of fifty steps on the GPU beside the CPU's; a run that is repeated, and one that is resumed, give its
# bytes. What on-gpu.sh sets finds tools and library.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir labels
for v in a b; do
    make_features --video "$v" --dim 32 --frames 600 --seed 1 "$v.h5"
    make_labels --frames 600 --seed 2 >"labels/$v.txt"
done
va-window -q --labels labels --window 100 --stride 50 -o w.h5 a.h5 b.h5
echo a >train.txt
echo b >val.txt

train() {
    va-tcn-mamba-train -q --windows w.h5 --train train.txt --val val.txt --channels 64,32 --layers 2 --batch 4 --epochs 17 "$@"
}
train --device cpu --log-dir cpu -o cpu.h5
train --device cuda --log-dir gpu -o gpu.h5
train --device cuda -o again.h5
train --device cuda --save-every 1 --steps 20 -o parts.h5
train --device cuda --resume -o parts.h5
va-h5cmp gpu.h5 again.h5
va-h5cmp gpu.h5 parts.h5
paste cpu/train.tsv gpu/train.tsv | awk '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == "loss") c[++n] = i }
    NR > 1 { d = $c[1] - $c[2]; if (d < 0) d = -d; if (d > worst) worst = d; steps++ }
    END { print steps " steps; largest difference of the loss: " worst + 0; exit !(n == 2 && steps >= 50 && worst < 1e-3) }'
