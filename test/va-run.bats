#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-run: from videos to what a person opens. What the Makefile below it does is in pipeline-faces.bats.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene
load lib/run

setup_file() { run_setup_file; }
setup() { run_setup; }

@test "a video becomes a folder of what a person opens; a second run makes nothing" {
    run -0 --separate-stderr ran one.mkv
    [ "$output" = "$(printf 'page\tresults/one/one.html\ntable\tresults/one/one.csv\nplot\tresults/one/one.svg\noverlay\tresults/one/one.overlay.mp4\nfaces\tresults/one/one.faces.h5')" ]
    [ "$(cut -d , -f 3,4 results/one/one.csv | sort | uniq -c | xargs)" = "25 one,1 1 person,face" ]
    cmp <(tr , '\t' <results/one/one.csv) results/one.tsv
    while read -r _ file; do [ -s "$file" ]; done <<<"$output"
    first=$output
    run -0 --separate-stderr ran one.mkv
    [ "$output" = "$first" ]
    [ "$stderr" = "" ]
    run -0 --separate-stderr ran -q -j 2 --set SMOOTH_OPTIONS="--window 3" one.mkv
    [ "$stderr" = "" ]
    va-smooth -q --window 3 -o smooth.h5 results/one/one.pred.h5
    va-h5cmp smooth.h5 results/one/one.smooth.h5
    run -0 --separate-stderr ran -v -o other one.mkv
    [[ $stderr == *"va-faces"*"-o other/one/one.faces.h5"* ]]
}

# shellcheck disable=SC2016 # names of files
@test "videos may be called anything but two lines" {
    names=($'caf\xe9.mkv' "a b'\$(touch PWNED) #:%.mkv" '-x' '`touch PWNED`;"&|\.mkv' '  .mkv')
    for name in "${names[@]}"; do cp one.mkv "./$name"; done
    run -0 --separate-stderr ran -q -- "${names[@]}"
    [ "$(grep -c ^page <<<"$output")" -eq ${#names[@]} ]
    [ "$(find results -mindepth 2 -name '*.csv' | wc -l)" -eq ${#names[@]} ] && [ ! -e PWNED ]
    cp one.mkv $'a\nb.mkv'
    rm -r results
    fails 3 "a?b.mkv: has a line break in its name: rename it" $'a\nb.mkv'
    long=$(printf 'n%.0s' {1..196})
    cp one.mkv "n$long.mkv"
    fails 3 "n$long.mkv: has a name of 201 bytes, expected at most 200: rename it" "n$long.mkv"
    fails 3 "nope.mp4: cannot open: No such file or directory" nope.mp4
    [ ! -e results ]
    mv "n$long.mkv" "$long.mkv"
    ran -q "$long.mkv"
    [ -s "results/$long/$long.overlay.mp4" ]
}

@test "videos that cannot be taken are named, the others are done" {
    mkdir other movies && cp one.mkv other && cp one.mkv a_b.mkv && cp one.mkv "a b.mkv" && cp one.mkv movies
    # names that fall together are no reason
    run -0 --separate-stderr prefix/bin/va-run -q one.mkv "a b.mkv" a_b.mkv
    [ "$output" = "$(printf 'faces\tresults/%s.faces.h5\n' one/one a_20b.mkv/a_20b.mkv a_b.mkv/a_b.mkv)" ] || explain "$output $stderr"
    echo table >results/one/one.csv
    run -3 --separate-stderr prefix/bin/va-run -q nope.mp4 other/one.mkv movies $'a\nb.mkv' a_b.mkv
    [ "$stderr" = "va-run: nope.mp4: cannot open: No such file or directory
va-run: movies: a folder without pictures: give the videos in it, such as movies/*
va-run: a?b.mkv: has a line break in its name: rename it
va-run: no model, so only faces are found: make deps WITH=starter fetches one, or give --model
results/one/one.csv: is not the table of '$PWD/other/one.mkv', which would replace it: give another OUT, or remove this table
va-run: not everything could be made (nope.mp4, movies and others): the lines above say why" ] || explain "$stderr"
    [ "$output" = $'faces\tresults/a_b/a_b.faces.h5' ]
    [ "$(cat results/one/one.csv)" = table ]
    # and count as bad input where the machine fails, too
    run -4 --separate-stderr ran -q -o out --set LAUNCH=./no-such-launcher nope.mp4 one.mkv
    # all of them
    run -3 --separate-stderr ran -o out2 nope.mp4 movies
    [ "$(wc -l <<<"$stderr")" -eq 2 ] && [ ! -e out2 ]
}

@test "a video that may not be read is named, the others are done" {
    cp one.mkv two.mkv && mkdir three && make_image three/00001.png 20 20 90
    forbidden two.mkv && chmod 000 three
    run -3 --separate-stderr "${plainly[@]}" prefix/bin/va-run -q two.mkv one.mkv three
    [ "$stderr" = "va-run: two.mkv: cannot open: Permission denied
va-run: three: cannot open: Permission denied
va-run: no model, so only faces are found: make deps WITH=starter fetches one, or give --model
va-run: not everything could be made (two.mkv, three): the lines above say why" ] || explain "$stderr"
    [ "$output" = $'faces\tresults/one/one.faces.h5' ] || explain "$output"
    chmod 700 three
}

@test "the same file twice is taken once; links to it have names of their own" {
    mkdir sub && ln -s . sub/here && ln -s one.mkv two.mkv
    run -0 --separate-stderr ran -q one.mkv ./one.mkv sub/../one.mkv two.mkv
    [ "$stderr" = "$(printf 'va-run: %s: is given twice, before as one.mkv: taken once\n' ./one.mkv sub/../one.mkv)" ] || explain "$stderr"
    [ "$(grep ^table <<<"$output")" = "$(printf 'table\tresults/%s.csv\n' one/one two/two)" ]
    mkdir crops && for i in 1 2 3; do make_image crops/0000$i.png 20 20 90; done
    run -0 --separate-stderr ran -q -o folders crops crops// sub/here/../crops
    [ "$(grep -c "is given twice, before as crops:" <<<"$stderr")" -eq 2 ] || explain "$stderr"
    [ "$(grep -c ^table <<<"$output")" -eq 1 ]
}

@test "another video, or model, of the same name is not taken for the one before, older as it may be" {
    ran -q one.mkv >/dev/null
    scene two.mkv 2 "red 20+10*t 30"
    touch -d 2001-01-01 two.mkv
    mv two.mkv one.mkv
    ran -q one.mkv >/dev/null
    [ "$(wc -l <results/one/one.csv)" -eq 51 ]
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 --seed 3 -o other.h5
    touch -d 2001-01-01 other.h5
    mv other.h5 model.h5
    ran -q one.mkv >/dev/null
    [ "$(attribute results/one/one.pred.h5 models)" = "$(attribute model.h5 id)" ]
    run -0 --separate-stderr ran one.mkv
    [ "$stderr" = "" ]
}

@test "a video that fails does not stop the others, and is named" {
    echo "no video" >bad.mp4
    run -3 --separate-stderr ran bad.mp4 one.mkv
    [ "$(grep -E 'make|: .*bad' <<<"$stderr")" = "va-faces: results/in/bad.mp4: cannot read as a video: invalid data found when processing input
va-run: not everything could be made (bad): the lines above say why" ] || explain "$stderr"
    # nothing stays of it
    [ "$(cd results && find . ! -path './.make/*' ! -path './one/*' | sort | paste -sd ' ')" = ". ./.make ./in ./in/one.mkv ./one ./one.tsv" ]
    [ "$(cut -f 2 <<<"$output" | xargs)" = "results/one/one.html results/one/one.csv results/one/one.svg results/one/one.overlay.mp4 results/one/one.faces.h5" ]
    # nor is what an earlier run made listed, where it could not be made anew
    printf '#!/bin/sh\ncase $* in *va-embed*) exit 3 ;; esac\nexec "$@"\n' >launch.sh && chmod +x launch.sh
    run -3 --separate-stderr ran --set LAUNCH=./launch.sh --set EMBED_OPTIONS="--batch 2" one.mkv
    [ "$output" = "$(printf 'faces\tresults/one/one.faces.h5')" ] && [ -s results/one/one.csv ]
    # the same command goes on from there
    cp one.mkv bad.mp4
    run -0 --separate-stderr ran bad.mp4 one.mkv
    [[ $stderr != *one.faces.h5* ]]
}

@test "what the machine fails at is exit 4, beside bad input, too" {
    echo "no video" >bad.mp4
    for code in 1 4 126; do
        printf '#!/bin/sh\ncase $* in *"-o out/one/one.faces.h5"*) exit %d ;; esac\nexec "$@"\n' $code >launch.sh && chmod +x launch.sh
        run -4 --separate-stderr ran -o out --set LAUNCH=./launch.sh bad.mp4 one.mkv
        [[ ${stderr##*$'\n'} == "va-run: not everything could be made (bad, one): the lines above say why" ]] || explain "$stderr"
    done
    run -4 --separate-stderr ran -o out --set LAUNCH=./no-such-launcher one.mkv
    printf '#!/bin/sh\nkill -KILL $$\n' >launch.sh
    run -4 --separate-stderr ran -o out --set LAUNCH=./launch.sh one.mkv
    # where nothing can be written is said before make starts
    run -4 --separate-stderr ran -o one.mkv/out one.mkv
    [ "$stderr" = "va-run: one.mkv/out: cannot make folder: Not a directory" ] || explain "$stderr"
    ln -s nowhere/out dangling
    run -4 --separate-stderr ran -o dangling one.mkv
    [ "$stderr" = "va-run: dangling: cannot make folder: No such file or directory: make its folder first" ] || explain "$stderr"
}

@test "models: by options, by the environment, the starter that is installed, none" {
    info() { attribute results/one/one.pred.h5 models; }
    VA_ENCODER=encoder.h5 VA_MODEL=model.h5 va-run -q one.mkv
    [ "$(info)" = "$(attribute model.h5 id)" ]
    va-weights init --arch mamba-va --in-dim 192 --channels 16,16 --kernel 3 --layers 1 --seed 3 -o other.h5
    VA_ENCODER=encoder.h5 VA_MODEL=model.h5 va-run -q -m other.h5 -m model.h5 one.mkv
    [ "$(info)" = "$(attribute other.h5 id) $(attribute model.h5 id)" ]
    fails 3 "encoder.h5: is an encoder, and no model is given: give --model" --encoder encoder.h5 one.mkv
    fails 3 "model.h5: is a temporal model: name the encoder of its features with --encoder" --model model.h5 one.mkv
    # without any, faces are found
    run -0 --separate-stderr prefix/bin/va-run -o faces one.mkv
    [ "$(head -n 1 <<<"$stderr")" = "va-run: no model, so only faces are found: make deps WITH=starter fetches one, or give --model" ]
    [ "$output" = "$(printf 'faces\tfaces/one/one.faces.h5')" ]
    # what is installed beside the tools: a detector, a model that rates pictures
    unset VA_FACES
    run -3 --separate-stderr prefix/bin/va-run -o faces -q --set FACES_OPTIONS=--every=2 one.mkv
    [[ $stderr == *"va-run: no detector of faces: run \"make deps WITH=faces\""* ]]
    mv red.h5 prefix/share/mamba-va/yunet.h5
    rater starter.h5 && mv starter.h5 prefix/share/mamba-va
    run -0 --separate-stderr prefix/bin/va-run -o installed one.mkv
    [ "$(attribute installed/one/one.pred.h5 models)" = "$(attribute prefix/share/mamba-va/starter.h5 id)" ]
}

# rater OUT: an encoder with a head, which rates pictures
rater() {
    mkdir labels
    for v in a b; do
        make_frames --frames 9 --width 20 --height 20 --video $v $v.h5
        make_labels --frames 9 >labels/$v.txt
        echo $v >$v.txt
    done
    va-finetune -q -j 1 -w encoder.h5 --labels labels --train a.txt --val b.txt --batch 8 --per-video 8 --epochs 1 \
        --warmup-epochs 0 -o "$1" a.h5 b.h5
}

@test "--live hands over to va-live, with the models" {
    printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >prefix/bin/va-live && chmod +x prefix/bin/va-live
    run -0 --separate-stderr prefix/bin/va-run -e encoder.h5 -m model.h5 --live --rate 10 "a b" -q
    [ "$output" = "$(printf '%s\n' --encoder encoder.h5 --model model.h5 --rate 10 "a b" -q)" ]
    VA_MODEL=model.h5 run -0 --separate-stderr prefix/bin/va-run --live -
    [ "$output" = "$(printf '%s\n' --model model.h5 -)" ]
    fails 2 "found x before --live, expected options (try --help)" x --live y
    # and not only to a stand-in
    va-live -q -e encoder.h5 -m model.h5 --all one.mkv >direct.csv
    va-run -e encoder.h5 -m model.h5 --live -q --all one.mkv | cmp - direct.csv
    [ "$(wc -l <direct.csv)" -gt 20 ]
}

@test "DECODE_OPTIONS that nothing reads are a line of warning" {
    warning="va-run: DECODE_OPTIONS: not used where faces are searched: give FACES_OPTIONS, or --faces no"
    mkdir crops && for i in 1 2 3; do make_image crops/0000$i.png 20 20 90; done
    run -0 --separate-stderr ran -q --set DECODE_OPTIONS="--fps 5" one.mkv crops
    [ "$stderr" = "$warning" ] || explain "$stderr"
    [ "$(sed -n 3p results/crops/crops.csv | cut -d , -f 1,2)" = 2,0.200000 ]
    run -0 --separate-stderr ran -q --set DECODE_OPTIONS= one.mkv
    [ "$stderr" = "" ] || explain "$stderr"
    run -0 --separate-stderr ran -q -o none --faces no --set DECODE_OPTIONS="--every 5" one.mkv
    [ "$stderr" = "" ] && [ "$(cut -d , -f 4 none/one/one.csv | grep -c 1)" -eq 5 ] || explain "$stderr"
}

@test "when va-run is ended, so is what it started" {
    # shellcheck disable=SC2016 # of the script
    printf '#!/bin/sh\necho $$ >started\nexec sleep 100\n' >wait.sh && chmod +x wait.sh
    va-run --encoder encoder.h5 --model model.h5 --set LAUNCH=./wait.sh one.mkv >/dev/null 2>&1 3>&- &
    pid=$!
    until [ -s started ]; do sleep 0.05; done
    kill -TERM $pid
    wait $pid || rc=$?
    [ "$rc" -eq 143 ]
    ended
    # an interrupt of va-run alone
    rm started
    env --default-signal=INT va-run --encoder encoder.h5 --model model.h5 --set LAUNCH=./wait.sh one.mkv >/dev/null 2>said 3>&- &
    pid=$!
    until [ -s started ]; do sleep 0.05; done
    kill -INT $pid
    wait $pid || rc=$?
    [ "$rc" -eq 143 ]
    [[ $(<said) == *"va-run: interrupted: the same command continues" ]] || explain "$(<said)"
    ended
    ran -q one.mkv
}

# what wait.sh was is gone
ended() {
    lives() { grep -qs '^State:.[^ZX]' "/proc/$(cat started)/status"; }
    for ((i = 0; i < 400; i++)); do lives || break; sleep 0.05; done
    run ! lives
    [ ! -e results/one/one.faces.h5 ]
}
