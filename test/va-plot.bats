#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-plot draws predictions, training and scores.
bats_require_minimum_version 1.8.0
load lib/va
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    put ann.txt 0.5,-1 0.25,0 1,1 -0.5,0.125
    put bob.txt 0,0 0.5,0.5
    make_predictions --fps 2 --face --model 0123456789abcdef -o p.h5 ann.txt bob.txt
    make_predictions --model M -o untimed.h5 bob.txt
    mkdir labels log
    put labels/ann.txt 0.5,-1 -5,-5 0,0 -0.5,0.5
    printf 'step\tepoch\tlr\tloss\n1\t1\t0.1\t2\n2\t1\t0.1\t1\n3\t2\t0.1\tnan\n4\t2\t0.1\t0.5\n' >log/train.tsv
    printf 'step\tepoch\tvalence\tarousal\tmean\tbest\n2\t1\t0.1\t0.2\t0.15\t0.15\n4\t2\t0.3\t0.2\t0.25\t0.25\n' >log/val.tsv
}
refused() { # CODE TEXT ARGS...
    local code=$1 text=$2
    shift 2
    run "-$code" --separate-stderr va-plot "$@"
    [ "$stderr" = "va-plot: $text" ] || explain "$stderr"
    [ "$output" = "" ]
}
well_formed() { check_xml "$@" || explain "$*"; }

@test "generic battery" {
    generic_battery va-plot -o out.svg p.h5
    BATTERY_WHOLE=log/train.tsv generic_battery va-plot -o out.svg log/train.tsv
    va-score -q --labels labels --missing skip p.h5 >score.tsv
    generic_battery va-plot -o out.svg score.tsv
}

@test "predictions: a line for each stretch with a face, hatched where there is none" {
    va-plot -o p.svg p.h5
    well_formed p.svg
    # of ann, frames 1, 2 and 4 show the face; 4 stands alone, and is a short line
    grep -qx '<path class="va-valence-line" d="M46 99.5L266.7 115.3M708 162.5L708.5 162.5"/>' p.svg || explain "$(grep valence-line p.svg)"
    grep -qx '<rect fill="url(#va-hatch)" x="487.3" y="68" width="220.7" height="126"/>' p.svg || explain "$(grep hatch p.svg)"
    [ "$(grep -c 'url(#va-hatch)" x' p.svg)" -eq 2 ] # both dimensions of ann; bob has two frames
    grep -q '>ann</text>' p.svg && grep -q '>bob</text>' p.svg
    grep -q '>4 frames, length 1.5 s, 1 without a face (hatched)</text>' p.svg || explain "$(grep frames p.svg)"
    grep -q '>model 01234567; CCC on its own validation: not known</text>' p.svg
    h5edit p.h5 string @note "rough <indeed>"
    va-plot --name bob p.h5 >one.svg
    grep -q 'not known; rough &lt;indeed&gt;</text>' one.svg
    run ! grep -q '>ann<' one.svg
    va-plot -o u.svg untimed.h5
    grep -q '>frame</text>' u.svg
}

@test "labels: annotated curve and CCC; frames that nobody annotated break it" {
    va-plot --labels labels -o p.svg p.h5
    well_formed p.svg
    [ "$(grep -c 'class="va-label-line" d="M46 ' p.svg)" -eq 2 ] || explain "$(grep label-line p.svg)"
    va-score -q --labels labels --missing skip p.h5 >score.tsv
    ccc=$(awk '$1 == "pooled" && $2 == "valence" { printf "%.3f", $3 }' score.tsv)
    grep -q "valence CCC $ccc, arousal CCC" p.svg
    va-plot --scatter --labels labels -o s.svg p.h5
    well_formed s.svg
    grep -q ">valence, CCC $ccc</text>" s.svg
    refused 2 "--scatter needs --labels DIR (try --help)" --scatter p.h5
    mkdir none
    refused 3 "p.h5: found no video that has labels: name their folders with --labels" --scatter --labels none p.h5
}

@test "training: loss and CCC of a folder, of single logs, of several runs, of folds" {
    va-plot -o run.svg log
    well_formed run.svg
    grep -q '>training: loss</text>' run.svg && grep -q '>validation: CCC</text>' run.svg
    grep -q '<path class="va-series1-line" d="M[0-9. ]*L[0-9. ]*M[0-9. ]*L[0-9. ]*"/>' run.svg || explain "$(grep series1 run.svg)" # nan breaks it
    va-plot log/val.tsv >val.svg
    run ! grep -q 'training: loss' val.svg
    mkdir -p cv/cv/10 cv/cv/2
    cp log/* cv/cv/10 && cp log/train.tsv cv/cv/2
    va-plot cv >cv.svg
    well_formed cv.svg
    [ "$(grep -o '>fold [0-9]*<' cv.svg | head -n 2 | paste -sd ' ')" = ">fold 2< >fold 10<" ]
    cp -r log other && va-plot log other >two.svg
    grep -q '>other</text>' two.svg
    head -n 1 log/val.tsv >other/val.tsv # no validation yet
    va-plot other >begun.svg
    run ! grep -q 'validation: CCC' begun.svg
}

@test "scores: a fold a table, the videos of one, the table of folds" {
    for k in 0 1; do
        mkdir -p cv/$k && va-score -q --labels labels --missing skip p.h5 >cv/$k/score.tsv
    done
    va-plot cv/?/score.tsv >folds.svg
    well_formed folds.svg
    grep -q '>fold 0</text>' folds.svg && grep -q '>fold 1</text>' folds.svg
    va-score -q --labels labels --per-video --missing skip p.h5 | va-plot -o x.svg /dev/stdin && explain "a pipe was read"
    va-score -q --labels labels --per-video --missing skip p.h5 >score.tsv
    va-plot score.tsv | grep -q '>ann</text>'
    va-fold report --format tsv cv/?/score.tsv >table.tsv
    va-plot table.tsv >table.svg
    well_formed table.svg
    grep -q '>average</text>' table.svg
}

@test "a long video has a picture of bounded size" {
    { echo valence,arousal; awk 'BEGIN { for (i = 0; i < 200000; i++) printf "%.3f,%.3f\n", sin(i / 900), cos(i / 70) }'; } >long.txt
    make_predictions --fps 30 --face -o long.h5 long.txt
    va-plot -o long.svg long.h5
    well_formed long.svg
    [ "$(stat -c %s long.svg)" -lt 150000 ]
}

@test "hostile names are text, and are cut" {
    name=$(printf '<script>alert("x")& %0200d' 7)
    put "in.txt" 0,0 0.5,0.5
    make_predictions --fps 2 --name "$name" -o h.h5 in.txt
    va-plot -o h.svg h.h5
    well_formed h.svg
    run ! grep -q '<script' h.svg
    grep -q '&lt;script&gt;alert(&quot;x&quot;)&amp; 0000' h.svg
    grep -q '…</text>' h.svg
    mkdir '<b>"run'
    cp log/* '<b>"run'
    va-plot '<b>"run' log >r.svg
    well_formed r.svg
    grep -q '&lt;b&gt;&quot;run' r.svg
}

@test "the model tells how good it is; a model of other predictions is refused" {
    va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o m.h5
    id=$(attribute m.h5 id)
    make_predictions --fps 2 --model "$id" -o m.pred.h5 ann.txt
    va-plot -m m.h5 m.pred.h5 | grep -q ">model ${id:0:8}; CCC on its own validation: not known</text>"
    h5edit m.h5 real @val-ccc 0.4321
    va-plot -m m.h5 m.pred.h5 | grep -q ">model ${id:0:8}; CCC on its own validation: 0.432</text>"
    refused 3 "m.h5: found model ${id:0:8}, expected 01234567, which made p.h5" -m m.h5 p.h5
}

@test "an earlier picture is replaced, another file is not" {
    va-plot -o out.svg p.h5
    va-plot -o out.svg log
    echo mine >mine.svg
    run -3 --separate-stderr va-plot -o mine.svg p.h5
    [ "$(cat mine.svg)" = mine ]
    va-plot --force -o mine.svg p.h5
    refused 2 "--output p.h5: is also an input, p.h5: name another output" -o p.h5 p.h5
    echo '<svg xmlns="http://www.w3.org/2000/svg" width="9"/>' >drawn.svg # by another program
    run -3 va-plot -o drawn.svg p.h5
    refused 3 "p.jpg: found the ending .jpg, expected .svg or .png" -o p.jpg p.h5
    [ ! -e p.jpg ]
}

@test "PNG where cairo was found, else a line that says what to do" {
    if va-plot --version | grep -q '^png *on'; then
        va-plot -o out.png p.h5
        va-plot -o out.png log
        [ "$(head -c 8 out.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
        if command -v ffprobe >/dev/null; then
            [ "$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 out.png)" = 1440,968 ]
        fi
        make_image foreign.png 4 4 9
        run -3 va-plot -o foreign.png log
    else
        refused 3 "out.png: this build has no cairo to write PNG: name a .svg file, or build again after make deps WITH=pictures" -o out.png p.h5
        [ ! -e out.png ]
    fi
}

@test "bad input and bad command lines" {
    echo neither >n.txt
    refused 3 "n.txt: line 1: found neither predictions, nor the columns of train.tsv, val.tsv, va-score or va-fold report" n.txt
    refused 3 "log: found runs, expected predictions as in p.h5" p.h5 log
    refused 3 "untimed.h5: found a second file of predictions: draw one at a time" p.h5 untimed.h5
    refused 3 "p.h5: found no video 'eve'" --name eve p.h5
    mkdir empty
    refused 3 "empty: found neither train.tsv, val.tsv, val.h5 nor score.tsv, nor folders of folds (cv/0, cv/1, ...) that have them" empty
    head -n 1 log/train.tsv >only.tsv
    refused 3 "only.tsv: found no rows of a run yet, expected those of train.tsv or val.tsv" only.tsv
    printf 'step\tloss\n1\tmuch\n' >bad.tsv
    run -3 --separate-stderr va-plot bad.tsv
    [[ $stderr == "va-plot: bad.tsv: line 2: "* ]] || explain "$stderr"
    run -2 va-plot
    for i in $(seq 41); do cp bob.txt "v$i.txt"; done
    make_predictions --fps 2 -o many.h5 v*.txt
    refused 3 "many.h5: found 41 videos, and a picture shows at most 40: choose some with --name VIDEO" many.h5
}

@test "pictures of runs and scores say which models, or that they do not know" {
    va-plot -o r.svg log
    grep -q '>which models: not told, no model.h5 is beside the logs</text>' r.svg
    va-weights init --arch mamba-va --in-dim 3 --channels 4,3 -o log/model.h5
    id=$(attribute log/model.h5 id)
    va-plot log | grep -q ">model ${id:0:8}; CCC on its own validation: not known</text>"
    h5edit log/model.h5 real @val-ccc 0.25
    va-plot log | grep -q ">model ${id:0:8}; CCC on its own validation: 0.250</text>"
    mkdir -p cv/cv/0 cv/cv/1
    cp log/* cv/cv/0 && cp log/* cv/cv/1
    va-plot cv | grep -q ">2 models ${id:0:8}, ${id:0:8}; "
    va-score -q --labels labels --missing skip p.h5 >score.tsv
    va-plot score.tsv | grep -q '>which models: a table of scores does not tell</text>'
}
