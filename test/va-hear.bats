#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-hear turns sound into rows on the times of frames. What the rows are is tested in test_sound.
bats_require_minimum_version 1.8.0
load lib/va

# 4 s of a rising voice, 25 frames a second, nothing lost by compression
setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    ffmpeg -nostdin -v error -f lavfi -i testsrc=size=64x48:rate=25 -f lavfi \
        -i "aevalsrc='0.4*sin(2*PI*(150*t+20*t*t))*(0.3+0.2*sin(2*PI*t))':s=48000" -t 4 -c:v ffv1 -c:a pcm_s16le src.mkv
    ffmpeg -nostdin -v error -i src.mkv -c:v libx264 -bf 3 -c:a aac v.mp4
    va-hear -o plain.h5 src.mkv
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR"/{src.mkv,v.mp4,plain.h5} .
}

make() { ffmpeg -nostdin -v error -y "$@"; }

# cell FILE ROW NAME: a number
cell() {
    local names width
    read -ra names <<<"$(column "$1" /names)"
    width=${#names[@]}
    for ((i = 0; i < width; i++)); do
        [ "${names[i]}" != "$3" ] || column "$1" /features | cut -d ' ' -f $(($2 * width + i + 1))
    done
}

# near A B BOUND
near() { awk -v a="$1" -v b="$2" -v bound="$3" 'BEGIN { d = a - b; exit !(a != "" && b != "" && d <= bound && -d <= bound) }' || explain "$1 is not near $2"; }

@test "generic battery" {
    generic_battery va-hear -o out.h5 v.mp4
}

@test "a row per frame, with the numbers and times that decoding gives, in every container" {
    local as
    for as in "mp4 libx264 aac" "mov mjpeg pcm_s16be" "mkv libx264 libmp3lame" "ts libx264 aac" "avi mpeg4 mp3" \
        "webm libvpx-vp9 libopus" "webm libvpx libvorbis"; do
        read -r ending video sound <<<"$as"
        make -i src.mkv -c:v "$video" -c:a "$sound" "x.$ending" 2>/dev/null || continue
        va-decode -q -o frames.h5 "x.$ending"
        va-hear -o out.h5 "x.$ending"
        va-check out.h5
        for data in /index /pts; do
            [ "$(column out.h5 $data)" = "$(column frames.h5 $data)" ] || explain "$as: $data" || return 1
        done
        for name in fps frame_count video; do
            [ "$(attribute out.h5 $name)" = "$(attribute frames.h5 $name)" ] || explain "$as: $name" || return 1
        done
        near "$(cell out.h5 50 f0.mean.1s)" "$(cell plain.h5 50 f0.mean.1s)" .1 || explain "$as" || return 1
    done
}

@test "a variable frame rate: the frames that are left have the rows that they had" {
    make -i src.mkv -vf "select='lt(n,9)+gt(mod(n,3),0)'" -fps_mode vfr -c:v libx264 -c:a copy x.mkv
    va-decode -q -o frames.h5 x.mkv
    va-hear -o out.h5 x.mkv
    [ "$(column out.h5 /pts)" = "$(column frames.h5 /pts)" ]
    [ "$(column out.h5 /index | wc -w)" -eq 69 ]
    read -ra pts <<<"$(column out.h5 /pts)"
    k=$(awk -v t="${pts[40]}" 'BEGIN { printf "%d", t * 25 + .5 }')
    [ "$k" -gt 50 ] # frame 41 is later than it would be
    for name in f0.mean.1s loudness.slope.1s mfcc03.mean.1s; do
        near "$(cell out.h5 40 $name)" "$(cell plain.h5 "$k" $name)" 1e-3
    done
}

@test "a sound that begins late or ends early: no rows there" {
    make -i src.mkv -itsoffset 1.2 -i src.mkv -map 0:v -map 1:a -c copy late.mkv
    run -0 --separate-stderr va-hear -v -o late.h5 late.mkv
    [[ $stderr =~ ^"va-hear: late.mkv: 70 of 100 frames have sound"$'\n'"va-hear: took "[0-9.]+" s, "[0-9.]+" s of processors, at most "[0-9]+" MiB"$ ]] ||
        explain "$stderr"
    [ "$(column late.h5 /index)" = "$(seq 31 100 | paste -sd ' ')" ]
    [ "$(attribute late.h5 frame_count)" = 100 ]
    near "$(cell late.h5 30 f0.mean.1s)" "$(cell plain.h5 30 f0.mean.1s)" .01 # the same sound, 1.2 s later
    make -i src.mkv -af atrim=0:2 -c:v copy -c:a pcm_s16le short.mkv
    va-hear -o short.h5 short.mkv
    [ "$(column short.h5 /index)" = "$(seq 1 51 | paste -sd ' ')" ]
}

@test "sound that pauses has no rows in its pause" {
    make -i src.mkv -af "aselect='not(between(t,1,3))'" -c:v copy -c:a flac x.mkv
    va-hear -o out.h5 x.mkv
    rows=$(column out.h5 /index)
    [[ " $rows " == *" 20 "* && " $rows " != *" 50 "* && " $rows " == *" 90 "* ]]
}

@test "no sound, no picture, no file: one line, status 3" {
    make -i src.mkv -an silent.mkv
    make -i src.mkv -vn picture.wav
    run -3 --separate-stderr va-hear -o out.h5 silent.mkv
    [ "$stderr" = "va-hear: silent.mkv: found no sound, expected a video with a stream of sound" ]
    run -3 --separate-stderr va-hear -o out.h5 picture.wav
    [ "$stderr" = "va-hear: picture.wav: found only sound in this file of format wav, expected a video: put both in one with ffmpeg -i VIDEO -i SOUND -c copy OUT.mkv" ]
    run -3 --separate-stderr va-hear -o out.h5 - <v.mp4
    [ "$stderr" = "va-hear: -: sound cannot be read from standard input: give a file" ]
    make -i src.mkv -itsoffset 9 -i src.mkv -map 0:v -map 1:a -c copy never.mkv
    run -3 --separate-stderr va-hear -o out.h5 never.mkv
    [ "$stderr" = "va-hear: never.mkv: found sound beside none of its 100 frames" ]
    [ ! -e out.h5 ]
}

@test "mono, stereo, 5.1, any rate and sample format: the same pitch and loudness" {
    local as
    for as in "-af pan=stereo|c0=c0|c1=c0 -c:a pcm_s16le" "-ar 8000 -c:a pcm_f32le" "-ar 44100 -c:a pcm_u8" "-ar 96000 -c:a flac" \
        "-af pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0 -c:a pcm_s24le" "-af pan=5.1|FC=c0 -c:a ac3 -b:a 448k"; do
        # shellcheck disable=SC2086 # words
        make -i src.mkv -c:v copy $as x.mkv
        va-hear -o out.h5 x.mkv
        [ "$(column out.h5 /index | wc -w)" -ge 98 ] || explain "$as" || return 1
        near "$(cell out.h5 40 f0.mean.1s)" "$(cell plain.h5 40 f0.mean.1s)" .05 || explain "$as" || return 1
        case $as in *FC=c0\ *) continue ;; esac # one of six channels is softer
        near "$(cell out.h5 40 loudness.mean.1s)" "$(cell plain.h5 40 loudness.mean.1s)" .3 || explain "$as" || return 1
    done
}

@test "a sound that changes its rate and channels on the way" {
    make -i src.mkv -t 2 -vn -ar 48000 -c:a mp2 a.mp2
    make -i src.mkv -ss 2 -vn -ar 44100 -ac 2 -c:a mp2 b.mp2
    cat a.mp2 b.mp2 >joined.mp2
    make -i src.mkv -i joined.mp2 -map 0:v -map 1:a -c:v mpeg2video -c:a copy x.ts
    run -0 --separate-stderr va-hear -q -o out.h5 x.ts
    [ "$(column out.h5 /index | wc -w)" -ge 98 ]
    near "$(cell out.h5 30 f0.mean.1s)" "$(cell plain.h5 30 f0.mean.1s)" .3
    near "$(cell out.h5 80 f0.mean.1s)" "$(cell plain.h5 80 f0.mean.1s)" .3
}

@test "several streams of sound: which one is taken, or the one that is asked for" {
    make -i src.mkv -f lavfi -i "sine=330:d=4" -map 0:v -map 0:a -map 1:a -c:v copy -c:a pcm_s16le -metadata:s:a:1 language=deu two.mkv
    run -0 --separate-stderr va-hear -o out.h5 two.mkv
    [ "${stderr_lines[0]}" = "va-hear: two.mkv: found 2 streams of sound: 1 is taken (pcm_s16le, language not known); --track N takes another" ] || explain "$stderr"
    run -0 --separate-stderr va-hear --track 1 -o one.h5 two.mkv
    [[ $stderr != *"streams of sound"* ]]
    [ "$(column out.h5 /features)" = "$(column one.h5 /features)" ]
    va-hear -q --track 2 -o other.h5 two.mkv
    near "$(cell other.h5 50 f0.mean.1s)" 43.02 .1 # 12 log2(330 / 27.5)
    run -3 --separate-stderr va-hear --track 3 -o none.h5 two.mkv
    [ "$stderr" = "va-hear: two.mkv: found 2 streams of sound, expected at least 3 (--track)" ] || explain "$stderr"
    [ ! -e none.h5 ]
}

@test "samples that are no numbers are counted, and are silence" {
    make -i src.mkv -an -c:v copy silent.mkv
    make -f lavfi -i "aevalsrc='if(between(t,1,1.01),0/0,0.1*sin(2*PI*440*t))':d=4:s=16000" -c:a pcm_f32le nan.wav
    make -i silent.mkv -i nan.wav -map 0:v -map 1:a -c copy nan.mkv
    for flag in "" --unconfined; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr va-hear -q $flag -o out.h5 nan.mkv
        [[ $stderr =~ ^"va-hear: nan.mkv: sound: "1[56][0-9]" samples are no finite numbers: silence instead"$ ]] || explain "$stderr"
        va-check out.h5
    done
}

@test "damaged sound: an error that names the packet; with --tolerate the rest is heard" {
    make -i src.mkv -c:v ffv1 -c:a flac x.mkv
    size=$(stat -c %s x.mkv)
    run -0 --separate-stderr va-hear -v -o whole.h5 x.mkv
    for part in 3 5 7; do # somewhere in a packet of sound, or of pictures
        head -c 200 /dev/zero | tr '\0' '\377' | dd of=x.mkv bs=1 seek=$((size * part / 9)) conv=notrunc status=none
    done
    run --separate-stderr va-hear -o out.h5 x.mkv
    if [ "$status" -ne 0 ]; then
        [ "$status" -eq 3 ] && [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == "va-hear: x.mkv: "* ]] && [ ! -e out.h5 ]
    fi
    run -0 --separate-stderr va-hear --tolerate 100 -o out.h5 x.mkv
    va-check out.h5
    near "$(cell out.h5 5 f0.mean.1s)" "$(cell whole.h5 5 f0.mean.1s)" .05
}

@test "a broken packet of sound" {
    make -i src.mkv -c:v ffv1 -c:a aac x.mkv
    # the sound alone, so that damage meets it: pictures come from a second file
    make -i src.mkv -vn -c:a aac sound.adts
    size=$(stat -c %s sound.adts)
    head -c 300 /dev/zero | tr '\0' '\252' | dd of=sound.adts bs=1 seek=$((size / 2)) conv=notrunc status=none
    make -i src.mkv -f aac -i sound.adts -map 0:v -map 1:a -c copy bad.mkv 2>/dev/null
    run -3 --separate-stderr va-hear -o out.h5 bad.mkv
    [[ $stderr == "va-hear: bad.mkv: sound: packet "*": broken: "*"; found 1 broken, expected at most 0 (--tolerate)" ]] ||
        explain "$stderr"
    [ "${#stderr_lines[@]}" -eq 1 ] && [ ! -e out.h5 ]
    run -0 --separate-stderr va-hear --tolerate 20 -o out.h5 bad.mkv
    [[ $stderr == "va-hear: bad.mkv: sound: packet "* ]]
    [ "$(column out.h5 /index | wc -w)" -ge 90 ]
    near "$(cell out.h5 10 f0.mean.1s)" "$(cell plain.h5 10 f0.mean.1s)" .3
}

@test "columns have names; kinds cannot be mixed" {
    va-hear --kind logmel -o logmel.h5 v.mp4
    [ "$(column logmel.h5 /names | wc -w)" -eq 64 ]
    [ "$(column plain.h5 /names | wc -w)" -eq 68 ]
    [[ $(column plain.h5 /names) == "f0.mean.1s f0.deviation.1s f0.slope.1s f0.mean.4s "* ]]
    [ "$(attribute logmel.h5 encoder)" != "$(attribute plain.h5 encoder)" ]
    va-window -q -o w.h5 plain.h5
    run -0 va-hear -q --name other -o other.h5 v.mp4
    va-window -q -o w.h5 plain.h5 other.h5
}

@test "--frames: the sound of one camera beside the frames of another" {
    make -i src.mkv -an -vf fps=10 -t 3 other.mp4
    va-decode -q -o frames.h5 other.mp4
    va-hear --frames other.mp4 -o out.h5 src.mkv
    for data in /index /pts; do [ "$(column out.h5 $data)" = "$(column frames.h5 $data)" ]; done
    [ "$(attribute out.h5 video)" = other ]
    near "$(cell out.h5 10 f0.mean.1s)" "$(cell plain.h5 25 f0.mean.1s)" 1e-3 # both at 1 s
    run -2 --separate-stderr va-hear --frames other.mp4 --output-dir dir src.mkv v.mp4
    [ "$stderr" = "va-hear: --frames is for one video (try --help)" ]
}

@test "equal runs give equal bytes, in a sandbox or without one" {
    va-hear -o a.h5 v.mp4
    va-hear -o b.h5 v.mp4
    va-hear --unconfined -o c.h5 v.mp4
    cmp a.h5 b.h5
    cmp a.h5 c.h5
}

@test "a folder for many videos; names" {
    cp v.mp4 two.mp4
    va-hear --output-dir sound v.mp4 two.mp4
    run -3 --separate-stderr va-hear --output-dir some v.mp4 none.mp4 two.mp4
    [ "$stderr" = "va-hear: none.mp4: cannot open: No such file or directory" ]
    cmp some/two.h5 sound/two.h5
    [ "$(attribute sound/two.h5 video)" = two ]
    [ "$(column sound/v.h5 /features)" = "$(column sound/two.h5 /features)" ]
    mkdir other && cp v.mp4 other
    run -3 --separate-stderr va-hear --output-dir twice v.mp4 other/v.mp4
    [ "$stderr" = "va-hear: other/v.mp4: video v is among the inputs twice" ]
    [ ! -e twice ]
    run -2 --separate-stderr va-hear -o out.h5 v.mp4 two.mp4
    [ "$stderr" = "va-hear: several inputs need --output-dir DIR instead of --output (try --help)" ]
    run -2 --separate-stderr va-hear --name a/b -o out.h5 v.mp4
    [ "$stderr" = "va-hear: --name a/b: cannot be the name of a video (see va.frames(5)) (try --help)" ]
}

@test "spectra and pitch as torchaudio and librosa compute them" {
    python_with torchaudio librosa h5py scipy
    make -i src.mkv -c:v copy -af "aresample=16000,volume=0.9" -c:a pcm_s16le x.mkv
    make -i x.mkv -vn -c:a copy x.wav
    for kind in logmel prosody; do
        va-hear --kind $kind -o out.h5 x.mkv
        run -0 "$PY" "$BATS_TEST_DIRNAME/reference/sound.py" check x.wav out.h5 $kind
    done
}
