#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-live: rows while frames come, equal to those of the tools that work on files; the ends of a stream;
# memory. The detector takes red squares for faces.
bats_require_minimum_version 1.8.0
load lib/va
load lib/scene

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_detector red.h5
    va-weights init --arch vit_tiny -o enc.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 8,8 --kernel 3 --layers 1 -o model.h5
    va-weights init --arch mamba-va --in-dim 192 --channels 8,8 --kernel 3 --layers 1 --lookahead 4 -o ahead.h5
    scene walk.mkv 2 "red 20+60*t 70"
    scene two.mkv 3 "magenta 200-10*t 100" "red 20+10*t 30 lt(t,1)+gt(t,1.6)"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR"/*.{h5,mkv} .
    export VA_FACES=red.h5
}

live() { va-live -q -e enc.h5 -m "${MODEL:-model.h5}" "$@"; }
# as_stream VIDEO: its frames as a stream without an end that could be looked up
as_stream() { ffmpeg -nostdin -v error -i "$1" -c copy -f nut -; }
# rows PERSON FILE: without the name of the person
rows() { grep ",$1," "$2" | cut -d , -f 1,2,4-; }
# await COMMAND...: until it succeeds
await() {
    local i
    for i in {1..600}; do
        ! "$@" || return 0
        sleep 0.1
    done
    explain "waited in vain ($i): $*"
}
has_rows() { [ "$(wc -l <"$1")" -gt "$2" ]; }

@test "generic battery" {
    export BATTERY_WHOLE=walk.mkv # its first half is a video, too
    cp --remove-destination "$(readlink red.h5)" red.h5
    cp --remove-destination "$(readlink enc.h5)" enc.h5
    cp --remove-destination "$(readlink model.h5)" model.h5
    cp --remove-destination "$(readlink walk.mkv)" walk.mkv
    # full: rows are on standard output by then
    BATTERY_SKIP=full generic_battery va-live -q --detector red.h5 -e enc.h5 -m model.h5 -o out.csv walk.mkv
    generic_battery va-live -q --detector red.h5 -e enc.h5 -m model.h5 walk.mkv
}

@test "the rows are those of va-faces, va-embed and va-predict, for each of several people" {
    local model name precision most
    va-faces -q -o f.h5 two.mkv
    for precision in f32 bf16; do
        [ $precision = f32 ] && most=2e-5 || most=2e-3 # a number may round to either of two neighbours
        mkdir $precision
        va-embed -q --precision $precision -w enc.h5 --faces f.h5 --smooth 1 --output-dir $precision two.mkv
        for model in model.h5 ahead.h5; do
            MODEL=$model live --precision $precision two.mkv >live.csv
            [ "$(head -n 1 live.csv)" = "frame,time,person,face,confidence,valence,arousal" ]
            va-predict -q --precision $precision -m $model --missing previous --table batch.csv -o p.h5 $precision/two_left.h5 $precision/two_right.h5
            for name in left:1 right:2; do
                rows "two_${name#*:}" live.csv >one
                rows "two_${name%:*}" batch.csv >other
                [ "$(wc -l <one)" = 75 ]
                paste -d , one other | awk -F , -v most="$most" '
                    function far(a, b) { return a - b > most || b - a > most }
                    $1 != $7 || $2 != $8 || $3 != $9 || $4 != $10 || far($5, $11) || far($6, $12) { print; bad = 1 }
                    END { exit bad }' || explain "$model, $precision: $name"
            done
        done
        [ "$(rows two_1 live.csv | grep -c ',0,0.000,')" = 16 ] # hidden: known by the frames before
        mv live.csv $precision.csv
    done
    run ! cmp -s f32.csv bf16.csv
    VA_PRECISION=bf16 run -0 --separate-stderr va-live --device cpu -v -e enc.h5 -m ahead.h5 --precision auto two.mkv
    [[ $stderr == *"va-live: precision bf16: as VA_PRECISION says"* ]] || explain "$stderr"
    cmp bf16.csv - <<<"$output"
    run -2 --separate-stderr va-live -m model.h5 --precision int8 two.mkv
    [ "$stderr" = "va-live: --precision int8: expected f32|bf16|auto (try --help)" ]
}

@test "one of several named streams: the rows are those of va-predict without the others" {
    va-weights init --arch mamba-va --streams sound=3,face=192 --fusion concat --channels 8,8 --kernel 3 --layers 1 -o both.h5
    va-live -q --stream face=enc.h5 -m both.h5 --name v walk.mkv >live.csv
    va-faces -q -o f.h5 walk.mkv
    va-embed -q -w enc.h5 --faces f.h5 --smooth 1 -o v.h5 walk.mkv
    va-predict -q -m both.h5 --stream face=v.h5 --missing previous --table batch.csv -o p.h5
    paste -d , live.csv batch.csv | awk -F , '
        function far(a, b) { return a - b > 2e-5 || b - a > 2e-5 }
        NR > 1 && (far($6, $13) || far($7, $14)) { print; bad = 1 }
        END { exit bad || NR < 30 }' || explain "rows differ"
    run -3 --separate-stderr va-live --stream text=enc.h5 -m both.h5 walk.mkv
    [ "$stderr" = "va-live: both.h5: expects the streams sound=3,face=192; name that of the encoder with --stream NAME=ENCODER.h5" ]
    run -3 --separate-stderr va-live -e enc.h5 -m both.h5 walk.mkv
    [[ $stderr == *"expects the streams sound=3,face=192; name that"* ]]
    run -3 --separate-stderr va-live --stream sound=enc.h5 -m both.h5 walk.mkv
    [ "$stderr" = "va-live: both.h5: expects 3 features per frame, but enc.h5 has 192" ]
    run -3 --separate-stderr va-live --stream face=enc.h5 -m model.h5 walk.mkv
    [ "$stderr" = "va-live: model.h5: has no named streams, found --stream face; give --encoder" ]
    va-weights init --arch mamba-va --streams sound=3,face=192 --stream-dropout 0 --channels 8,8 --kernel 3 --layers 1 -o all.h5
    run -3 --separate-stderr va-live --stream face=enc.h5 -m all.h5 walk.mkv
    [ "$stderr" = "va-live: all.h5: expects the streams sound=3,face=192, and was trained without --stream-dropout: cannot predict from face alone" ]
    run -2 --separate-stderr va-live --stream face -m both.h5 walk.mkv
    [ "$stderr" = "va-live: --stream face: expected NAME=ENCODER.h5, with a name of up to 31 letters, digits and _ (try --help)" ]
}

@test "formats, names and the file that gets the rows as well" {
    live -o t.tsv --name ann walk.mkv >t.csv
    tr '\t' , <t.tsv | cmp - t.csv
    [ "$(cut -d , -f 3 t.csv | sort -u | paste -sd ' ')" = "ann_1 person" ]
    live --format jsonl -o again.csv --name ann walk.mkv >t.jsonl
    cmp again.csv t.csv
    head -n 1 t.jsonl | grep -qE '^\{"frame":1,"time":0.000000,"person":"ann_1","face":1,"confidence":0\.[0-9]+,"valence":'
    [ "$(wc -l <t.jsonl)" = 50 ]
    live --format openface walk.mkv | sed -n 2p | grep -qE '^1, 0, 0.000000, 0\.[0-9]+, 1, '
    run -2 --separate-stderr va-live -m model.h5 -o x.vtt walk.mkv
    [ "$stderr" = "va-live: --output x.vtt: has no row per frame: name a .csv, .tsv or .jsonl file (try --help)" ]
    run -2 --separate-stderr va-live -m model.h5 --format vtt walk.mkv
}

@test "a stream: every frame with --all; else those dropped are counted" {
    live walk.mkv | cut -d , -f 1,4- >file.csv
    as_stream walk.mkv | live --all - | cut -d , -f 1,4- | cmp - file.csv
    mkfifo pipe
    as_stream walk.mkv >pipe &
    run -0 --separate-stderr va-live -e enc.h5 -m model.h5 pipe
    [[ ${stderr_lines[0]} =~ ^"va-live: pipe: 50 frames in "[0-9.]+" s: "([0-9]+)" computed ("[0-9.]+" a second), "([0-9]+)" dropped; 1 person, "([0-9]+)" rows"$ ]] ||
        explain "$stderr"
    [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 50 ] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[3]}" ]
    [ "$(wc -l <<<"$output")" = $((BASH_REMATCH[3] + 1)) ]
    [[ ${stderr_lines[1]} =~ ^"va-live: latency in ms, median (95 %): decode "[0-9.]+" ("[0-9.]+"), wait ".*", detect ".*", embed ".*", predict ".*", whole "[0-9.]+" ("[0-9.]+")"$ ]] ||
        explain "$stderr"
}

@test "times of a stream count from its first frame; those of a file are its own, as va-faces has them" {
    ffmpeg -nostdin -v error -i walk.mkv -c:v mpeg2video -qscale:v 2 -f mpegts late.ts
    va-faces -q -o f.h5 late.ts
    live late.ts | sed 1d >rows
    [ "$(cut -d , -f 2 rows | xargs printf '%.2f ')" = "$(column f.h5 /pts | xargs printf '%.2f ')" ] || explain "$(head -n 1 rows)"
    [ "$(head -n 1 rows | cut -d , -f 2)" != 0.000000 ]
    live --all - < <(cat late.ts) | sed 1d >rows
    [ "$(cut -d , -f 2 rows | xargs printf '%.2f ')" = "$(seq -s ' ' -f %.2f 0 0.04 1.96) " ] || explain "$(head -n 2 rows)"
}

@test "--rate: frames between are left out" {
    run -0 --separate-stderr va-live --rate 5 -e enc.h5 -m model.h5 walk.mkv
    [[ $stderr == *" 10 computed ("*", 0 dropped, 40 skipped by --rate; "* ]] || explain "$stderr"
    [ "$(cut -d , -f 1 <<<"$output" | paste -sd ' ')" = "frame 1 6 11 16 21 26 31 36 41 46" ]
}

@test "a row comes when its frame is known, not later" {
    mkfifo pipe
    live --all --stall 0 pipe >rows &
    live=$!
    exec 7>pipe
    as_stream walk.mkv | head -c 800000 >&7 # and no end
    await has_rows rows 1
    kill -0 $live
    exec 7>&-
    wait $live
}

@test "Ctrl-C: all rows are kept, status 0" {
    mkfifo pipe
    exec 7<>pipe
    for signal in INT TERM; do
        { # a process in the background would not get INT
            as_stream walk.mkv >&7
            await has_rows rows 10 && [ ! -e kept.csv ] && kill -$signal "$(cat pid)"
        } 2>sender &
        run -0 --separate-stderr timeout 120 bash -c 'echo $$ >pid; exec va-live -e enc.h5 -m model.h5 -o kept.csv --all --stall 0 pipe >rows'
        wait $!
        echo "$stderr" >said
        cmp rows kept.csv
        grep -q "frames in .* computed" said
        rm kept.csv rows
    done
    exec 7>&-
}

@test "a reader that has enough: quiet, status 0, the table is complete" {
    # shellcheck disable=SC2016
    run -0 --separate-stderr bash -c 'va-live -e enc.h5 -m model.h5 -o kept.csv walk.mkv | head -n 2; exit ${PIPESTATUS[0]}'
    [ "$stderr" = "" ] || explain "$stderr"
    [ "${#lines[@]}" = 2 ]
    head -n 2 kept.csv | cmp - <(echo "$output")
}

@test "standard output or the file cannot be written: status 4, one line" {
    run -4 --separate-stderr bash -c 'va-live -q -e enc.h5 -m model.h5 -o kept.csv walk.mkv >/dev/full'
    [ "$stderr" = "va-live: standard output: cannot write: No space left on device" ] || explain "$stderr"
    [ "$(wc -l <kept.csv)" = 2 ]
    run -4 --separate-stderr va-live -q -e enc.h5 -m model.h5 -o nowhere/kept.csv walk.mkv
    [[ $stderr == "va-live: nowhere/kept.csv: "* ]] && [ "$output" = "" ]
}

@test "a stream that stalls: status 4, one line, the rows stay" {
    mkfifo pipe
    exec 7<>pipe
    as_stream walk.mkv >stream
    cat stream >pipe &
    run -4 --separate-stderr va-live -e enc.h5 -m model.h5 -o kept.csv --all --stall 5 pipe
    exec 7>&-
    [ "${stderr_lines[0]}" = "va-live: pipe: no frame came for 5 s: is it still connected?" ] || explain "$stderr"
    cmp kept.csv <(echo "$output")
    has_rows kept.csv 10
}

@test "a pipe into which nobody writes: status 4, one line" {
    mkfifo silent
    run -4 --separate-stderr timeout 60 va-live -e enc.h5 -m model.h5 --stall 1 silent
    [ "$stderr" = "va-live: silent: nothing came for 1 s: is somebody writing to it?" ] || explain "$stderr"
    run -4 --separate-stderr timeout 60 bash -c 'sleep 20 | va-live -e enc.h5 -m model.h5 --stall 1 -'
    [ "$stderr" = "va-live: standard input: nothing came for 1 s: is somebody writing to it?" ] || explain "$stderr"
}

@test "garbage, nothing, a camera that is not there" {
    refused() { # CODE TEXT INPUT
        run "-$1" --separate-stderr va-live -e enc.h5 -m model.h5 -o no.csv "$3"
        [ "$stderr" = "va-live: $2" ] || explain "$stderr"
        [ "$output" = "" ] && [ ! -e no.csv ]
    }
    seq 1 9999 | sed 's/$/ this is no video/' >garbage
    exec 8<&0
    refused 3 "garbage: cannot read as a video: invalid data found when processing input" garbage
    : >empty
    refused 3 "empty: the file is empty, expected a video" empty
    refused 3 "standard input: found an empty stream, expected a video" - </dev/null
    refused 3 "/dev/video99: cannot open: No such file or directory" /dev/video99
    exec 8<&-
}

@test "a video that changes its size goes on, scaled to the first" {
    for size in 320x192:48:50 640x384:96:100; do
        IFS=: read -r canvas side at <<<"$size"
        ffmpeg -nostdin -v error -f lavfi -i "color=gray:s=$canvas:r=25:d=1" -f lavfi -i "color=red:s=${side}x$side:r=25:d=1" \
            -filter_complex "overlay=$at:$at" -c:v mpeg2video -q:v 2 -f mpegts -
    done | va-live -e enc.h5 -m model.h5 --all - >t.csv 2>said
    [ "$(cut -d , -f 3 t.csv | sort -u | paste -sd ' ')" = "person stdin_1" ] || explain "$(cat said)"
    has_rows t.csv 45
}

@test "a camera: its own times, an end that it makes, an end that the user makes" {
    local version
    ! grep -q fsanitize "$BUILD/flags" || skip "sanitizers want to be loaded first"
    version=$(va-live --version)
    [[ $version == *"camera     on"* ]] || skip "no libavdevice (make deps WITH=camera)"
    film() { env "$@" LD_PRELOAD="$BUILD/test/camera/camera.so" va-live -e enc.h5 -m model.h5 --all --stall 5 -o kept.csv /dev/video-test; }
    run -4 --separate-stderr film VA_CAMERA_FRAMES=20
    [ "${stderr_lines[0]}" = "va-live: /dev/video-test: no frame came for 5 s: is it still connected?" ] || explain "$stderr"
    [ "$(cut -d , -f 1-4 <<<"$output" | sed -n 3p)" = "2,0.040000,video-test_1,1" ]
    [ "${#lines[@]}" = 21 ] && cmp kept.csv <(echo "$output")
    run -4 --separate-stderr film VA_CAMERA_FRAMES=20 VA_CAMERA_GONE=1
    [ "${stderr_lines[0]}" = "va-live: /dev/video-test: cannot read: no such device (ioctl(VIDIOC_DQBUF): No such device)" ] || explain "$stderr"
    cmp kept.csv <(echo "$output")
    { await has_rows rows 5 && kill -INT "$(cat pid)"; } &
    # shellcheck disable=SC2016
    run -0 timeout 120 bash -c 'echo $$ >pid; export LD_PRELOAD=$BUILD/test/camera/camera.so
        exec va-live -q -e enc.h5 -m model.h5 -o kept.csv /dev/video-test >rows'
    wait $!
    cmp rows kept.csv
}

@test "people: who comes back is known, who was forgotten is new, more than --people are counted" {
    scene back.mkv 6 "red 10 60 lt(t,1.5)+gt(t,4)" "magenta 200 60 between(t,1.6,3.9)"
    live back.mkv >t.csv
    [ "$(cut -d , -f 3,4 t.csv | sed 1d | sort | uniq -c | xargs)" = "63 back_1,0 87 back_1,1 52 back_2,0 58 back_2,1" ] ||
        explain "$(cut -d , -f 3,4 t.csv | sort | uniq -c)"
    live --forget 1 back.mkv >t.csv
    [ "$(cut -d , -f 3,4 t.csv | sed 1d | grep ',1$' | sort | uniq -c | xargs)" = "38 back_1,1 58 back_2,1 49 back_3,1" ] ||
        explain "$(cut -d , -f 3,4 t.csv | sort | uniq -c)"
    run -0 --separate-stderr va-live -e enc.h5 -m model.h5 --people 1 two.mkv
    [[ $stderr == *"two.mkv: 75 faces were left out, as more than --people 1 were there" ]] || explain "$stderr"
    [ "$(cut -d , -f 3 <<<"$output" | sort -u | paste -sd ' ')" = "person two_1" ]
}

@test "models: what goes together" {
    refused() { # TEXT ARGS...
        run -3 --separate-stderr va-live "${@:2}" walk.mkv
        [ "$stderr" = "va-live: $1" ] || explain "$stderr"
    }
    refused "model.h5: is a temporal model: name the encoder of its features with --encoder" -m model.h5
    refused "enc.h5: found a model of arch vit, expected a temporal model (arch mamba-va) on the features of enc.h5" -e enc.h5 -m enc.h5
    va-weights init --arch mamba-va --in-dim 6 --channels 5 --kernel 3 --layers 1 -o six.h5
    refused "six.h5: expects 6 features per frame, but enc.h5 has 192" -e enc.h5 -m six.h5
    va-weights import -q --set encoder=f00 --set fps-min=200 --set fps-max=240 -o other.h5 model.h5
    refused "enc.h5: is encoder $(attribute enc.h5 id), expected f00 as in other.h5 (--any-encoder accepts it)" -e enc.h5 -m other.h5
    run -0 --separate-stderr va-live -q -e enc.h5 -m other.h5 --any-encoder two.mkv
    [ "$stderr" = "va-live: other.h5: was trained at another rate than the 25 frames per second that are computed: predictions may be worse" ] ||
        explain "$stderr"
    run -2 va-live walk.mkv
    run -2 va-live -m model.h5
}

@test "memory does not grow with the length of a stream" {
    scene short.mkv 2 "red 20+30*sin(9*t) 70 lt(mod(t,.4),.3)"
    most() { # LOOPS
        ffmpeg -nostdin -v error -stream_loop "$1" -i short.mkv -c copy -f nut - |
            va-live -v -j 1 --all --join 0 --forget 0 -e enc.h5 -m model.h5 - 2>&1 >rows | sed -n 's/.*at most \([0-9]*\) MiB/\1/p'
    }
    few=$(most 1)
    [ "$few" -gt 10 ]
    many=$(most 30)
    has_rows rows 1000
    [ "$many" -le $((few + 6)) ] || explain "$few MiB, then $many MiB"
}

@test "damaged packets: a line for each run of them, and their number at the end" {
    # shellcheck disable=SC2030
    ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=320x192:r=25:d=3" -c:v mpeg4 -g 1 -q:v 3 hurt.mkv
    ffprobe -v error -select_streams v:0 -show_entries packet=pos,size -of csv=p=0 hurt.mkv |
        awk -F , 'NR == 2 || (NR >= 10 && NR <= 30) || (NR >= 50 && NR < 53) { print $2 }' |
        while read -r at; do head -c 600 /dev/zero | tr '\0' '\377' | dd of=hurt.mkv bs=1 seek=$((at + 1500)) conv=notrunc status=none; done
    for input in hurt.mkv -; do
        run -0 --separate-stderr va-live -q -e enc.h5 -m model.h5 "$input" <hurt.mkv
        [ "$(grep -c 'its packet is damaged' <<<"$stderr")" -eq 3 ] || explain "$stderr"
        [ "$(grep -oE 'frame (2|10|50) ' <<<"$stderr" | wc -l)" -eq 3 ] || explain "$stderr"
        [[ $stderr == *": 25 broken packets were skipped"* ]] || explain "$stderr"
    done
    run -0 --separate-stderr va-live -q --tolerate 40 -e enc.h5 -m model.h5 hurt.mkv
    [ "$(grep -c 'its packet is damaged' <<<"$stderr")" -eq 25 ] || explain "$stderr"
}
