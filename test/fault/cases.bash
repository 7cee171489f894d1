# shellcheck shell=bash
# A tiny corpus, made by the tools, and the runs that faults are injected into.

# Make the corpus in the current folder. Inputs only: each case adds its earlier output.
make_corpus() {
    local v
    mkdir labels rated crops pred
    for v in a b; do
        make_features --video $v --dim 6 --frames 30 --seed "$(printf %d "'$v")" $v.h5
        make_labels --frames 30 --seed "$(printf %d "'$v")" >labels/$v.txt
        make_labels --frames 8 --seed 5 >rated/$v.txt
        make_frames --frames 8 --width 20 --height 18 --video $v --seed 1 $v.frames.h5
        make_labels --frames 30 --seed 9 >pred/$v.txt
    done
    va-features export -o a.csv a.h5
    for v in a b; do va-features export -o $v.npy $v.h5; done
    for v in 1 2 3; do make_image crops/0000$v.jpg 16 12 $((50 * v)); done
    make_video v.mp4 32 24 5 25
    va-synth -q --videos 1 --test 0 --traps no --frames 12 --size 32 --voice yes -o speaking
    mv speaking/videos/*.mp4 voice.mp4 && rm -r speaking
    printf 'a\n' >train.txt
    printf 'b\n' >val.txt
    printf '%s\n' image_location,valence,arousal a/00001.jpg,0,0 b/00002.jpg,0,0 >sample.txt
    va-window -q --labels labels --window 15 --stride 10 -o w.h5 a.h5 b.h5
    printf 'clip\tgroup\tfold\na\tg\t0\nb\th\t1\n' >folds.tsv
    printf 'clip\tgroup\tfold\na\tg\t1\nb\th\t0\n' >folds2.tsv
    va-mae-pretrain -q -j 1 --arch vit_tiny --image 16 --patch 4 --width 16 --depth 2 --heads 2 \
        --decoder-width 16 --decoder-depth 1 --decoder-heads 2 --batch 8 --epochs 1 -o tiny.h5 a.frames.h5
    va-weights init --arch mamba-va --in-dim 6 --channels 5,4 --kernel 3 --layers 1 --d-state 3 \
        --hidden 4 -o head.h5
    va-weights init --arch mamba-va --in-dim 16 --channels 4 --kernel 3 --layers 1 -o live.h5
    va-weights export -o head.safetensors head.h5
    cp "$FAULT/../golden/pth/ours.pth" head.pth
    make_detector detector.h5
    make_onnx detector.h5 detector.onnx
    va-faces -q -w detector.h5 -o v.faces.h5 v.mp4 2>/dev/null # there are none
    make_predictions --fps 25 --model M -o p.h5 pred/a.txt pred/b.txt
    make_predictions --fps 25 --model N -o q.h5 labels/a.txt labels/b.txt
    va-score -q --labels labels p.h5 >score.tsv
    va-ensemble calibrate -q --labels labels -o interval.tsv p.h5 q.h5
}

# NAME | the earlier output | the run. Words are split at blanks; no quotes. One thread, so that
# the n-th call is the same call in each run; J stands for 2 where threads fail.
fault_cases() {
    cat <<'CASES'
check||va-check a.h5 w.h5 head.h5
h5cmp||va-h5cmp p.h5 p.h5
window|va-window -q -o out.h5 a.h5|va-window -q --labels labels --window 15 --stride 10 -o out.h5 a.h5 b.h5
decode-folder|va-decode -q --every 2 -o out.h5 crops|va-decode -q -o out.h5 crops
decode-video|va-decode -q --every 2 -o out.h5 v.mp4|va-decode -q -o out.h5 v.mp4
embed|va-embed -q -w tiny.h5 -o out.h5 b.frames.h5|va-embed -q -j J -w tiny.h5 -o out.h5 a.frames.h5
embed-video|va-embed -q -w tiny.h5 -o out.h5 b.frames.h5|va-embed -q -j J -w tiny.h5 -o out.h5 v.mp4
hear|va-hear -q --kind logmel -o out.h5 voice.mp4|va-hear -q -o out.h5 voice.mp4
faces|va-faces -q --every 2 -w detector.h5 -o out.h5 v.mp4|va-faces -q -j J -w detector.h5 --min-size 0 --min-score 0.01 -o out.h5 v.mp4
live||va-live -q -j J --detector detector.h5 --min-size 0 --min-score 0.01 -e tiny.h5 -m live.h5 v.mp4
features-import|va-features import --fps 25 -o out.h5 b.npy|va-features import --fps 25 -o out.h5 a.npy
features-import-csv|va-features import --fps 25 -o out.h5 b.npy|va-features import --fps 25 -o out.h5 a.csv
features-export|va-features export -o out.csv b.h5|va-features export -o out.csv a.h5
features-info||va-features info a.h5 a.npy a.csv
labels-convert||va-labels convert -q --force --from-fps 30 --to a.h5 -o converted labels/a.txt
labels-check||va-labels check -q --to a.h5 labels/a.txt
predict|va-predict -q -m head.h5 --clip no --text-dir text --table tables/ -o out.h5 b.h5|va-predict -q -j J -m head.h5 --text-dir text --table tables/ -o out.h5 a.h5 b.h5
predict-windows|va-predict -q -m head.h5 -o out.h5 b.h5|va-predict -q -j J -m head.h5 --windows w.h5 --mode overlap -o out.h5
ridge|va-ridge -q --windows w.h5 --train val.txt --val train.txt -o out.h5|va-ridge -q --windows w.h5 --train train.txt --val val.txt -o out.h5
score||va-score -q --labels labels --per-video p.h5
smooth|va-smooth --window 5 --table tables/ -o out.h5 p.h5|va-smooth --window 3 --table tables/ -o out.h5 p.h5
table|va-table -o out.tsv q.h5|va-table -o out.tsv p.h5
plot|va-plot -o out.svg q.h5|va-plot --labels labels -o out.svg p.h5
plot-scores||va-plot score.tsv
report|va-report -o out.html q.h5|va-report --labels labels -o out.html p.h5
overlay|va-overlay -q --quality 20 --faces v.faces.h5 -o out.mp4 v.mp4|va-overlay -q -j 1 --faces v.faces.h5 -o out.mp4 v.mp4
ensemble|va-ensemble -o out.h5 p.h5|va-ensemble --method centred --table tables/ -o out.h5 p.h5 q.h5
ensemble-interval|va-ensemble --interval interval.tsv -o out.h5 p.h5 q.h5|va-ensemble --spread -o out.h5 p.h5
ensemble-calibrate|va-ensemble calibrate -q --labels labels -o out.tsv p.h5|va-ensemble calibrate -q --labels labels -o out.tsv p.h5 q.h5
ensemble-fit|va-ensemble fit -q --labels labels -o out.tsv p.h5|va-ensemble fit -q --labels labels -o out.tsv p.h5 q.h5
submit|va-submit --sample sample.txt -o out.txt q.h5|va-submit --sample sample.txt -o out.txt p.h5
fold-split|va-fold split -q --folds-tsv folds2.tsv -o folds|va-fold split -q --folds-tsv folds.tsv -o folds
fold-report||va-fold report score.tsv
fold-run||va-fold run --windows w.h5 --split folds --labels labels -o cv
run||va-run --encoder tiny.h5 --model head.h5 -o videos v.mp4
init|va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o out.h5|va-weights init --arch mamba-va --in-dim 2 --channels 4,3 -o out.h5
import-safetensors|va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o out.h5|va-weights import -q -o out.h5 head.safetensors
import-pth|va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o out.h5|va-weights import -q -o out.h5 head.pth
import-onnx|va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o out.h5|va-weights import -q -o out.h5 detector.onnx
export-safetensors|va-weights export -o out.safetensors tiny.h5|va-weights export -o out.safetensors head.h5
info||va-weights info head.h5
train|va-tcn-mamba-train -q -j 1 --windows w.h5 --train val.txt --val train.txt --channels 6,4 --kernel 3 --layers 1 --d-state 3 --hidden 4 --epochs 1 --batch 4 -o out.h5|va-tcn-mamba-train -q -j J --windows w.h5 --train train.txt --val val.txt --channels 6,4 --kernel 3 --layers 1 --d-state 3 --hidden 4 --epochs 2 --warmup-epochs 1 --batch 4 --save-every 1 --log-dir log -o out.h5
finetune|cp tiny.h5 out.h5|va-finetune -q -j J -w tiny.h5 --labels rated --train train.txt --val val.txt --batch 4 --per-video 4 --warmup-epochs 1 --epochs 2 --save-every 1 --log-dir log -o out.h5 a.frames.h5 b.frames.h5
mae-pretrain|cp tiny.h5 out.h5|va-mae-pretrain -q -j J --arch vit_tiny --image 16 --patch 4 --width 16 --depth 1 --heads 2 --decoder-width 16 --decoder-depth 1 --decoder-heads 2 --batch 8 --epochs 2 --save-every 1 --log-dir log -o out.h5 a.frames.h5 b.frames.h5
synth||va-synth -q -j J --videos 2 --test 1 --frames 3 --size 16 --traps no -o corpus
CASES
}
