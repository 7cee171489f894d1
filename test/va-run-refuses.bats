#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-run: what it refuses before any work is done, and what stays of a video that fails.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene
load lib/run

setup_file() { run_setup_file; }
setup() { run_setup; }

# refuses CODE LINE ARGS...: the same, and nothing is made
refuses() {
    fails "$@"
    [ ! -e results ]
}

@test "models of a wrong kind are found before any video is opened" {
    refuses 3 "encoder.h5: found a model of arch vit, expected a temporal model (arch mamba-va) on the features of encoder.h5" -e encoder.h5 -m encoder.h5 one.mkv
    refuses 3 "red.h5: found a model of arch yunet, expected a temporal model (arch mamba-va) on the features of encoder.h5" -e encoder.h5 -m model.h5 -m red.h5 one.mkv
    refuses 3 "red.h5: found another model (arch yunet), expected an encoder (arch vit)" -e red.h5 -m model.h5 one.mkv
    refuses 3 "red.h5: found another model (arch yunet), expected an encoder (arch vit)" -m red.h5 one.mkv
    refuses 3 "model.h5: found a temporal model (arch mamba-va), expected an encoder (arch vit)" -e model.h5 -m model.h5 one.mkv
    refuses 3 "model.h5: is a temporal model: name the encoder of its features with --encoder" -m model.h5 one.mkv
    refuses 3 "encoder.h5: is an encoder without a head for valence and arousal: name it with --encoder, and a temporal model on its features" -m encoder.h5 one.mkv
    refuses 3 "found 2 models, and no encoder of their features: give --encoder" -m model.h5 -m model.h5 one.mkv
    # by the environment as well
    VA_ENCODER=model.h5 VA_MODEL=model.h5 refuses 3 "model.h5: found a temporal model (arch mamba-va), expected an encoder (arch vit)" one.mkv
}

@test "models that do not fit, or are no models" {
    va-weights init --arch mamba-va --in-dim 191 --channels 16,16 --kernel 3 --layers 1 -o wide.h5
    refuses 3 "wide.h5: expects 191 features per frame, but encoder.h5 has 192" -e encoder.h5 -m wide.h5 one.mkv
    va-weights init --arch vit_tiny --seed 3 -o other.h5
    va-weights import --set encoder="$(attribute other.h5 id)" -o theirs.h5 model.h5
    refuses 3 "encoder.h5: is encoder $(attribute encoder.h5 id), expected $(attribute other.h5 id) as in theirs.h5 (--any-encoder accepts it)" -e encoder.h5 -m theirs.h5 one.mkv
    va-run -q -o any -e encoder.h5 -m theirs.h5 --set PREDICT_OPTIONS=--any-encoder one.mkv
    echo "no model" >text.h5
    refuses 3 "text.h5: found a text, expected va.model/1" -e encoder.h5 -m text.h5 one.mkv
    refuses 3 "text.h5: found a text, expected va.model/1" -e text.h5 -m model.h5 one.mkv
    refuses 3 "any/one/one.faces.h5: found va.faces/1, expected va.model/1" -e encoder.h5 -m any/one/one.faces.h5 one.mkv
}

@test "a detector that is something else is found, too, where it is needed" {
    expected="expected yunet, a detector of faces"
    VA_FACES=encoder.h5 refuses 3 "encoder.h5: arch is vit, $expected" -e encoder.h5 -m model.h5 one.mkv
    for option in "-w model.h5" -wmodel.h5 "--every 2 --weights 'model.h5'" --weights=model.h5 --weig=model.h5; do
        refuses 3 "model.h5: arch is mamba-va, $expected" -e encoder.h5 -m model.h5 --set FACES_OPTIONS="$option" one.mkv
    done
    VA_FACES=none.h5 refuses 3 "none.h5: cannot open: No such file or directory" -e encoder.h5 -m model.h5 one.mkv
    VA_FACES=encoder.h5 ran -q -o whole --faces no one.mkv
    mkdir crops && for i in 1 2 3; do make_image crops/0000$i.png 20 20 90; done
    VA_FACES=encoder.h5 ran -q -o folder crops
    unset VA_FACES
    run -3 --separate-stderr prefix/bin/va-run -e encoder.h5 -m model.h5 --faces yes crops
    [ "$stderr" = "va-run: no detector of faces: run \"make deps WITH=faces\" and \"make\", or give --set FACES_OPTIONS=\"--weights yunet.h5\"" ] || explain "$stderr"
}

@test "settings that no tool or shell can read" {
    given=(-e encoder.h5 -m model.h5)
    refuses 2 "THREADS=many: expected a whole number from 0 to 1024 (try --help)" "${given[@]}" --set THREADS=many one.mkv
    refuses 2 "OVERLAY=maybe: expected yes or no (try --help)" "${given[@]}" --set OVERLAY=maybe one.mkv
    refuses 2 "SMOOTH_OPTIONS=--no-such: va-smooth: unknown option --no-such (try --help)" "${given[@]}" --set SMOOTH_OPTIONS=--no-such one.mkv
    refuses 2 "FACES_OPTIONS=--every x: va-faces: --every x: expected a whole number from 1 to 1000 (try --help)" "${given[@]}" --set FACES_OPTIONS="--every x" one.mkv
    refuses 2 "CROP_OPTIONS: found a line break, expected one line (try --help)" "${given[@]}" --set CROP_OPTIONS=$'a\nb' one.mkv
    EMBED_OPTIONS=--nothing refuses 2 "EMBED_OPTIONS=--nothing: va-embed: unknown option --nothing (try --help)" "${given[@]}" one.mkv
    # the shell's words differ
    for value in "SMOOTH_OPTIONS='" "LAUNCH=("; do
        run -2 --separate-stderr ran --set "$value" one.mkv
        [[ $stderr == "va-run: $value: "*"yntax error"*" (try --help)" ]] && [ "$(wc -l <<<"$stderr")" -eq 1 ] || explain "$stderr"
    done
    # what make would replace
    # shellcheck disable=SC2016
    run -0 --separate-stderr ran -q --set SMOOTH_OPTIONS='--window 3$(error x)' --set SMOOTH_OPTIONS='--window $((1 + 2))' one.mkv
    [ "$stderr" = "" ] && [ "$(attribute results/one/one.smooth.h5 provenance | grep -c -- '--window 3')" -eq 1 ] || explain "$stderr"
}

@test "of videos that fail nothing stays; what was made before the failure does" {
    echo "no video" >bad.mp4
    run -3 --separate-stderr ran -q bad.mp4
    [ "$stderr" = "va-faces: results/in/bad.mp4: cannot read as a video: invalid data found when processing input
va-run: not everything could be made (bad): the lines above say why" ] || explain "$stderr"
    [ ! -e results ]
    printf '#!/bin/sh\ncase $* in *va-embed*bad*) exit 3 ;; esac\nexec "$@"\n' >launch.sh && chmod +x launch.sh
    cp one.mkv bad.mkv && cp one.mkv bad.b.mkv
    run -3 --separate-stderr ran -q --set LAUNCH=./launch.sh bad.mp4 bad.mkv one.mkv
    [ "$(cd results && find . ! -path './.make/*' ! -path './one/*' | sort | paste -sd ' ')" = ". ./.make ./bad.mkv ./bad.mkv/bad.mkv.faces.h5 ./in ./in/bad.mkv.mkv ./in/one.mkv ./one ./one.tsv" ] ||
        explain "$(ls -A results results/*)"
    # a name that begins alike
    run -3 --separate-stderr ran -q -o out bad.mp4 bad.b.mkv
    [ "$(ls out/in)" = bad.b.mkv ] && [ -s out/bad.b/bad.b.csv ] && [ ! -e out/bad ]
}

@test "bad command lines; what make cannot take; no make" {
    refuses 2 "expected at least one video (try --help)"
    refuses 3 "none.h5: cannot open: No such file or directory" -m none.h5 one.mkv
    cp model.h5 "my model.h5"
    allowed="make cannot use this path: only letters, digits and . _ + - , @ are allowed; give it another name (ln -s)"
    refuses 3 "my model.h5: $allowed" -m "my model.h5" one.mkv
    mkdir videos && cp one.mkv videos
    refuses 3 "videos: a folder without pictures: give the videos in it, such as videos/*" -e encoder.h5 -m model.h5 videos
    run -3 --separate-stderr prefix/bin/va-run --live one.mkv
    [ "$stderr" = "va-run: no model: make deps WITH=starter fetches one, or give --model" ]
    refuses 3 "--live: found 2 models, expected one" -m model.h5 -m model.h5 --live one.mkv
    ran -q one.mkv >/dev/null
    run -4 --separate-stderr bash -c 'va-run -q -e encoder.h5 -m model.h5 one.mkv >/dev/full'
    [ "$stderr" = "va-run: standard output: cannot write the list of files" ]
    rm -r results
    refuses 2 "--set FACES: expected NAME=VALUE (try --help)" --set FACES one.mkv
    run -2 va-run --faces maybe one.mkv
    # shellcheck disable=SC2016 # names of folders
    for name in "a b" -a 'a$b' 'a:b' 'a%b' $'a\nb' 'a"b'; do
        refuses 3 "${name//$'\n'/?}: $allowed" -e encoder.h5 -m model.h5 -o "$name" one.mkv
        run -1 sh "$BATS_TEST_DIRNAME/../pipelines/names.sh" path OUT "$name"
        [ ! -e "$name" ]
    done
    # nor does what make refuses leave a folder; its words come in our line
    refuses 3 "THREADS is empty: give it a value, or leave it out for its default" -e encoder.h5 -m model.h5 -o new/one --set THREADS= one.mkv
    [ ! -e new ]
    refuses 3 "-: standard input is read with --live alone (va-run --live -): save it to a file first, and give that" -
    MAKE=no-such-make run -4 --separate-stderr ran one.mkv
    [ "$stderr" = "va-run: no-such-make: cannot run: No such file or directory" ]
    VA_PIPELINES=/nowhere run -3 --separate-stderr ran one.mkv
    [ "$stderr" = "va-run: /nowhere/video.mk: cannot open: No such file or directory: give VA_PIPELINES another folder" ]
}

@test "--set takes the variables of the pipeline alone; each is used there and explained" {
    refuses 2 "--set SMOOTH_OPTION=1: unknown variable SMOOTH_OPTION, did you mean SMOOTH_OPTIONS? (try --help)" --set SMOOTH_OPTION=1 one.mkv
    refuses 2 "--set =1: expected NAME=VALUE (try --help)" --set =1 one.mkv
    [ ! -e results ]
    run -2 --separate-stderr va-run --set NOTHING.LIKE.IT=1 one.mkv
    [[ $stderr == "va-run: --set NOTHING.LIKE.IT=1: unknown variable NOTHING.LIKE.IT, expected one of "*" (try --help)" ]] || explain "$stderr"
    list=${stderr#*one of } help=$(va-run --help)
    IFS=', ' read -ra known <<<"${list% (try*}"
    [ ${#known[@]} -ge 10 ]
    for name in "${known[@]}"; do
        grep -qF "\$($name)" "$BATS_TEST_DIRNAME"/../pipelines/{video,params}.mk || explain "$name is not used"
        [[ $help == *"$name"* ]] || explain "$name is not explained"
    done
}
