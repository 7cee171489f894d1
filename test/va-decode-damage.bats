#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# What va-decode says of damage that the libraries pass over, of clocks that start below zero or start
# again, and that it says nothing of good videos. Whatever a test hits is a copy of a small video.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    video -c:v libx264 -g 12 a.mp4
    ffmpeg -nostdin -v error -i a.mp4 -c copy a.mkv
    ffmpeg -nostdin -v error -i a.mp4 -c copy a.flv
    ffmpeg -nostdin -v error -i a.mp4 -c copy a.ts
    video -c:v libvpx -b:v 60k a.webm
    video -c:v wmv2 a.wmv
    video -c:v mpeg2video -bf 2 a.mpg
    video -c:v mpeg4 -bf 0 a.avi
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    V=$BATS_FILE_TMPDIR
}

# video OPTIONS... FILE: 50 frames at 25 a second
video() {
    ffmpeg -nostdin -y -v error -f lavfi -i testsrc2=size=64x48:rate=25:duration=2 "$@"
}

# hit FILE PACKET OFFSET COUNT: overwrite bytes of a packet (from 0) of the video
hit() {
    local at
    at=$(ffprobe -v error -select_streams v:0 -show_entries packet=pos -of csv=p=0 "$1" |
        tr -d , | sed -n "$(($2 + 1))p")
    head -c "$4" /dev/zero | tr '\0' '\377' |
        dd of="$1" bs=1 seek=$((at + $3)) conv=notrunc status=none
}

# counts FILE...: nothing is said, all frames that ffprobe knows, numbered 1, 2, ...
counts() {
    local f n
    for f in "$@"; do
        n=$(ffprobe -v error -select_streams v:0 -count_frames -show_entries stream=nb_read_frames \
            -of csv=p=0 "$f" | head -n 1 | tr -dc 0-9)
        run -0 --separate-stderr va-decode --size 16 -o out.h5 "$f"
        [ "$stderr" = "" ] || explain "$f: $stderr" || return 1
        [ "$(column out.h5 /index)" = "$(seq -s ' ' "$n")" ] || explain "$f: frames of $n" || return 1
        [ "$(attribute out.h5 frame_count)" = "$n" ] || explain "$f: frame_count of $n" || return 1
    done
}

# numbers_of FILE GOOD: each frame of FILE has the number that GOOD has at its time; some are missing
numbers_of() {
    va-decode -q --size 16 --tolerate 1000 -o hurt.h5 "$1"
    va-decode -q --size 16 -o good.h5 "$2"
    for f in hurt good; do
        paste <(column $f.h5 /pts | tr ' ' '\n') <(column $f.h5 /index | tr ' ' '\n') >$f.txt
    done
    awk 'NR == FNR { n[$1] = $2; next } { k++ } n[$1] != $2 { print "time", $1, "number", $2; bad = 1 }
        END { exit bad || k < 2 || k >= length(n) }' good.txt hurt.txt
}

@test "good videos: all frames, and not a word" {
    video a.gif
    video -pix_fmt yuvj420p -c:v mjpeg a.mjpeg
    video -s 720x576 -pix_fmt yuv420p -c:v dvvideo a.dv
    counts "$V"/a.* a.*
    video -vf "select='not(mod(n\,7)*mod(n\,11))'" -vsync vfr vfr.mkv
    for e in mp4 mkv avi wmv ts mpg flv; do # a screen that stands still
        ffmpeg -nostdin -v error -f lavfi -i color=red:64x48:r=25:d=1 -f lavfi \
            -i testsrc2=size=64x48:rate=25:duration=1 -f lavfi -i color=blue:64x48:r=25:d=2 \
            -filter_complex concat=n=3,mpdecimate -vsync vfr still.$e
    done
    video -f lavfi -i sine=duration=4 sound.mkv
    video -f lavfi -i sine=duration=4 sound.flv
    video -vf interlace -c:v libx264 -flags +ilme+ildct interlaced.ts
    ffmpeg -nostdin -v error -ss 1 -i "$V/a.mkv" -c copy cut.mkv
    video -c:v libvpx -b:v 100k -auto-alt-ref 1 -lag-in-frames 16 hidden.webm
    video -c:v mpeg4 -bf 2 packed.avi
    video -c:v libx264 raw.h264
    rm out.h5
    counts ./*.*
}

@test "times below zero are kept, with their sign; --start cuts when it is given" {
    ffmpeg -nostdin -v error -itsoffset -0.4 -i "$V/a.webm" -c copy -avoid_negative_ts disabled n.webm
    ffmpeg -nostdin -v error -itsoffset -0.4 -i "$V/a.wmv" -c copy -avoid_negative_ts disabled n.wmv
    ffmpeg -nostdin -v error -i "$V/a.ts" -c copy -output_ts_offset 95443 -muxdelay 0 n.ts
    counts n.webm n.wmv n.ts
    va-decode -o n.h5 n.webm
    [ "$(column n.h5 /pts | cut -d ' ' -f 1,2,11)" = "-0.4 -0.36 0" ]
    va-decode --start 0.04 -o n.h5 n.webm
    [ "$(column n.h5 /index | cut -d ' ' -f 1)" = 12 ]
}

@test "data that a demuxer passes over: told, and the frames after it keep their numbers" {
    cp "$V"/a.* .
    hit a.mkv 20 0 4 # the element's size: the rest of the cluster is lost
    hit a.webm 20 0 4
    hit a.flv 20 0 40
    head -c 400 /dev/zero | dd of=a.mpg bs=1 seek=9000 conv=notrunc status=none
    for e in mkv webm flv mpg; do
        run -3 --separate-stderr va-decode -o x.h5 a.$e
        [[ $stderr == "va-decode: a.$e: "* ]]
        [ "${#stderr_lines[@]}" = 1 ]
        [ ! -e x.h5 ]
    done
    numbers_of a.mkv "$V/a.mkv"
    run -3 --separate-stderr va-decode -o x.h5 a.mkv
    [[ $stderr == "va-decode: a.mkv: frame"*" lost" ]]
}

@test "a packet that gives no picture" {
    ffmpeg -nostdin -v error -i "$V/a.mp4" -c copy b.mp4
    at=$(ffprobe -v error -show_entries packet=pos -of csv=p=0 b.mp4 | tr -d , | sed -n 9p)
    printf '\x0c' | dd of=b.mp4 bs=1 seek=$((at + 4)) conv=notrunc status=none # filler, not a slice
    run -3 --separate-stderr va-decode -o x.h5 b.mp4
    [[ $stderr == "va-decode: b.mp4: "* ]]
    numbers_of b.mp4 "$V/a.mp4"
}

@test "a part of a transport stream is missing" {
    { head -c $((188 * 30)) "$V/a.ts" && tail -c +$((188 * 40 + 1)) "$V/a.ts"; } >gap.ts
    run -3 --separate-stderr va-decode -o x.h5 gap.ts
    [[ $stderr == "va-decode: gap.ts: "* ]]
    numbers_of gap.ts "$V/a.ts"
}

@test "a packet of an AVI file whose head is overwritten is lost, and those after it keep their numbers" {
    video -f lavfi -i sine=duration=2 -c:v mpeg4 -bf 0 sound.avi
    cp "$V/a.avi" .
    for f in a.avi sound.avi; do
        cp $f hurt.avi
        hit hurt.avi 20 -8 60
        run -3 --separate-stderr va-decode -o x.h5 hurt.avi
        [[ $stderr == *"va-decode: hurt.avi: frame"*": lost" ]] || explain "$f: $stderr"
        numbers_of hurt.avi $f
    done
}

@test "the container tells of more than there is" {
    for e in flv webm wmv; do
        head -c $(($(stat -c %s "$V/a.$e") / 2)) "$V/a.$e" >half.$e
        run -3 --separate-stderr va-decode -o x.h5 half.$e
        [[ $stderr == "va-decode: half.$e: "* ]]
        [ "${#stderr_lines[@]}" = 1 ]
    done
}

@test "lengths in the file tell that it ends early, whatever the demuxer takes of it" {
    ffmpeg -nostdin -v error -i "$V/a.mp4" -c copy -movflags frag_keyframe+empty_moov a.frag.mp4
    video -c:v libtheora a.ogv
    video a.gif
    video -pix_fmt yuvj420p -c:v mjpeg a.mjpeg
    video -s 720x576 -pix_fmt yuv420p -c:v dvvideo a.dv
    cp "$V"/a.{avi,flv,wmv,ts} .
    for f in a.*; do
        for percent in 61 93; do
            head -c $(($(stat -c %s "$f") * percent / 100)) "$f" >"cut"
            run -3 --separate-stderr va-decode -o x.h5 cut
            [[ $stderr == "va-decode: cut: "* ]] || explain "$f: $stderr"
            [ "${#stderr_lines[@]}" = 1 ]
            run -0 --separate-stderr va-decode --tolerate 100 -o y.h5 cut
            [[ $stderr == *"va-decode: cut: "* ]]
        done
    done
    { head -c 5000 a.frag.mp4 && tail -c +5601 a.frag.mp4; } >gap.mp4
    run -3 --separate-stderr va-decode -o x.h5 gap.mp4
    [ "${#stderr_lines[@]}" = 1 ]
}

@test "a file joined behind one whose format has a single head is named, not dropped" {
    ffmpeg -nostdin -v error -i "$V/a.mp4" -c copy -movflags frag_keyframe+empty_moov "$V/b.frag.mp4"
    for f in "$V"/a.{mp4,flv,wmv} "$V/b.frag.mp4"; do
        cat "$f" "$f" >two
        run -3 --separate-stderr va-decode -o x.h5 two
        [ "$stderr" = "va-decode: two: another file begins at byte $(stat -c %s "$f"), and is not read: split the file there" ] ||
            explain "$f: $stderr"
        run -0 --separate-stderr va-decode --tolerate 1 -o y.h5 two
    done
}

@test "joined recordings: numbers and times continue, and a line says where" {
    for e in ts mkv webm mpg; do
        cat "$V/a.$e" "$V/a.$e" >two.$e
        run -0 --separate-stderr va-decode -o two.h5 two.$e
        [[ $stderr == "va-decode: two.$e: times start again at frame 51 ("*"): numbers and times continue" ]]
        [ "$(column two.h5 /index)" = "$(seq -s ' ' 100)" ]
        awk -v fps="$(attribute two.h5 fps)" 'BEGIN { exit fps < 24.9 || fps > 25.1 }'
        column two.h5 /pts | tr ' ' '\n' | awk 'NR > 1 && $1 <= t { bad = 1 } { t = $1 } END { exit bad }'
    done
}

@test "segments whose times go on: all frames, and not a word" {
    ffmpeg -nostdin -v error -i "$V/a.ts" -c copy -f segment -segment_time 0.4 s%d.ts
    cat s?.ts >segments.ts
    rm s?.ts
    counts segments.ts
}

# outcome COMMAND...: exit code, bytes and messages as one line
outcome() {
    local code=0
    "$@" >bytes 2>messages || code=$?
    echo "$code $(cat bytes messages | sha256sum)"
}

@test "damage: the same exit code, pictures and messages with any number of threads, in every run" {
    local f t j expected now
    local -A more=([h264.mp4]="2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 4")
    video -s 160x120 -c:v libx264 -g 50 -bf 2 h264.mp4
    video -s 160x120 -c:v libx264 -g 50 -bf 2 slices.mp4
    video -s 160x120 -pix_fmt yuvj420p -c:v mjpeg mjpeg.avi
    video -s 160x120 -c:v libvpx -b:v 100k vp8.webm # its decoder says nothing
    hit h264.mp4 20 40 1
    for j in 12 20 33; do hit slices.mp4 $j 5 3; done
    hit mjpeg.avi 20 1500 2
    hit vp8.webm 20 30 2
    head -c $(($(stat -c %s "$V/a.mkv") / 2)) "$V/a.mkv" >cut.mkv
    for f in h264.mp4 slices.mp4 mjpeg.avi vp8.webm cut.mkv; do
        for t in 0 50; do
            expected=$(outcome va-decode -j 1 --tolerate $t --raw $f)
            case "$f $t $expected" in
            vp8*\ 0\ *) ;;
            *" 0 3 "*) [ "$(wc -l <messages)" = 1 ] ;;
            *" 0 "?" "*) explain "$f: $expected" ;;
            *" 50 0 "*) ;;
            *) explain "$f: $expected" ;;
            esac
            for j in 2 4 2 4 ${more[$f]-}; do
                now=$(outcome va-decode -j "$j" --tolerate $t --raw $f)
                [ "$now" = "$expected" ] || explain "$f, -j $j, --tolerate $t: $now, expected $expected"
            done
        done
    done
}

@test "--end before the end of a good video: packets that are still in the decoder are not lost" {
    for j in 1 2 8; do
        run -0 --separate-stderr va-decode -j $j --end 1.8 -o a.h5 "$V/a.mp4"
        [ "$stderr" = "" ]
        [ "$(column a.h5 /index)" = "$(seq -s ' ' 45)" ]
    done
}
