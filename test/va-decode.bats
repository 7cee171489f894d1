#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-decode turns videos, streams and folders of crops into numbered frames. Small videos come
# from make_video, whose left half grows brighter by 3 levels a frame, red above blue on the right.
bats_require_minimum_version 1.8.0
load lib/va

CLIPS=$BATS_TEST_DIRNAME/../../shared/data/clips

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    make_video v.mp4 64 48 30 25
    make_video wide.mp4 160 120 60 25
    # larger than any buffer, so that a demuxer must truly go back
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=2,noise=alls=20:allf=t \
        -crf 18 -bf 0 -coder 0 -pix_fmt yuv420p big.mp4
    ffmpeg -nostdin -v error -i big.mp4 -c copy -movflags +faststart index_first.mp4
    ffmpeg -nostdin -v error -i wide.mp4 -c:v mpeg4 -g 10 -bf 0 -y wide.avi
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    V=$BATS_FILE_TMPDIR
}

# Fails unless FILE's frames have size "WxH".
has_size() { h5dump -H -d /frames "$1" | grep -q "SIMPLE { ( [0-9]*, ${2#*x}, ${2%x*}, 3 )"; }

# pixel FILE.raw WIDTH FRAME X Y: "R G B" of one pixel of raw frames of 64x48 or so; HEIGHT in $H
pixel() { od -An -tu1 -j $(((($3 * H + $5) * $2 + $4) * 3)) -N 3 "$1" | tr -s ' ' | sed 's/^ //'; }

# close_to "R G B" "R G B" BOUND
close_to() {
    awk -v a="$1" -v b="$2" -v m="$3" 'BEGIN { n = split(a, x, " "); split(b, y, " ")
        for (i = 1; i <= 3; i++) if (n != 3 || (x[i] - y[i])^2 > m * m) exit 1 }' ||
        explain "found $1, expected $2"
}

@test "generic battery" {
    cp "$V/v.mp4" in.mp4
    generic_battery va-decode -o out.h5 in.h5 && return 1 # a battery that fails on nothing is none
    generic_battery va-decode -o out.h5 in.mp4
}

@test "the clips: 72, 95 and 169 frames, with their time stamps" {
    [ -d "$CLIPS" ] || skip "shared/data/clips is not here"
    va-decode --size 64x36 -o s.h5 "$CLIPS/single_face.mp4"
    [ "$(attribute s.h5 frame_count) $(attribute s.h5 fps)" = "72 30" ]
    [ "$(column s.h5 /index)" = "$(seq -s ' ' 72)" ]
    [ "$(column s.h5 /pts | cut -d ' ' -f 1,72)" = "0 2.36666667" ]
    va-decode --size 64x36 -o n.h5 "$CLIPS/no_face.mp4" # three packets hidden by an edit list
    [ "$(attribute n.h5 frame_count) $(attribute n.h5 fps)" = "95 24" ]
    [ "$(column n.h5 /pts | cut -d ' ' -f 1,2,95)" = "0 0.0416666667 3.91666667" ]
    va-decode --size 64x36 -o f.h5 "$CLIPS/face_noface.mov" # variable rate, audio first
    [ "$(attribute f.h5 frame_count)" = 169 ]
    column f.h5 /pts | tr ' ' '\n' >ours
    ffprobe -v error -select_streams v:0 -show_entries frame=best_effort_timestamp_time -of csv=p=0 \
        "$CLIPS/face_noface.mov" | grep -o '^[0-9.]\+' >theirs
    paste ours theirs | awk '($1 - $2)^2 > 1e-11 { bad = 1 } END { exit bad || NR != 169 }'
}

@test "pixels are those of ffmpeg's exact conversion, within 2 levels" {
    va-decode --raw "$V/wide.mp4" >ours
    ffmpeg -nostdin -v error -i "$V/wide.mp4" -sws_flags bicubic+accurate_rnd+full_chroma_int+full_chroma_inp \
        -pix_fmt rgb24 -f rawvideo theirs
    [ "$(stat -c %s ours)" = $((160 * 120 * 3 * 60)) ]
    # cmp prints the bytes that differ in octal
    cmp -l ours theirs | awk 'function dec(o) { return int(o / 100) * 64 + int(o % 100 / 10) * 8 + o % 10 }
        (dec($2) - dec($3))^2 > 4 { bad = 1 } END { exit bad }'
    H=120
    close_to "$(pixel ours 160 0 10 10)" "20 20 20" 3
    close_to "$(pixel ours 160 59 10 10)" "197 197 197" 3
    close_to "$(pixel ours 160 5 150 10)" "220 20 20" 8
    close_to "$(pixel ours 160 5 150 110)" "20 20 220" 8
}

@test "rotation metadata is applied" {
    H=64
    for turn in 90 270; do
        make_video t.mp4 64 48 2 25 $turn
        va-decode -o t.h5 t.mp4
        has_size t.h5 48x64
        va-decode --raw t.mp4 >$turn.raw
    done
    close_to "$(pixel 90.raw 48 0 5 60)" "20 20 220" 8 # clockwise: right below, upper left is lower
    close_to "$(pixel 90.raw 48 0 40 60)" "220 20 20" 8
    close_to "$(pixel 90.raw 48 0 5 5)" "20 20 20" 3
    close_to "$(pixel 270.raw 48 0 5 5)" "220 20 20" 8
    close_to "$(pixel 270.raw 48 0 40 5)" "20 20 220" 8
    close_to "$(pixel 270.raw 48 0 40 60)" "20 20 20" 3
    make_video t.mp4 64 48 2 25 180
    va-decode --raw t.mp4 >180.raw
    H=48
    close_to "$(pixel 180.raw 64 0 5 5)" "20 20 220" 8
    close_to "$(pixel 180.raw 64 0 5 40)" "220 20 20" 8
}

@test "--size scales, --every thins, --start and --end cut; numbers stay" {
    va-decode --size 32x20 --every 7 -o a.h5 "$V/v.mp4"
    has_size a.h5 32x20
    [ "$(column a.h5 /index)" = "1 8 15 22 29" ]
    [ "$(column a.h5 /pts)" = "0 0.28 0.56 0.84 1.12" ]
    [ "$(attribute a.h5 frame_count) $(attribute a.h5 fps) $(attribute a.h5 video)" = "30 25 v" ]
    va-decode --size 16 --start 0.2 --end 0.32 --name some.one -o b.h5 "$V/v.mp4"
    has_size b.h5 16x16
    [ "$(column b.h5 /index)" = "6 7 8" ]
    [ "$(attribute b.h5 frame_count) $(attribute b.h5 video)" = "30 some.one" ]
    run -3 --separate-stderr va-decode --start 9 -o c.h5 "$V/v.mp4"
    [ "$stderr" = "va-decode: $V/v.mp4: found no frame between --start and --end" ]
    [ ! -e c.h5 ]
}

@test "--raw writes frames and nothing else; a reader that leaves is exit 4 without words" {
    run -0 --separate-stderr bash -c "va-decode --raw --size 8x6 --every 10 '$V/v.mp4' | wc -c"
    [ "$output" = $((8 * 6 * 3 * 3)) ]
    [ "$stderr" = "" ]
    va-decode --raw "$V/wide.mp4" 2>err | head -c 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 4 ]
    [ ! -s err ]
    run -4 --separate-stderr bash -c "va-decode --raw '$V/v.mp4' >/dev/full"
    [[ $stderr == "va-decode: standard output: cannot write: "* ]]
}

@test "command lines that cannot be meant: exit 2" {
    for bad in "--size 0" "--size 8x" "--size 8x8x" "--size -8" "--size 99999" "--every 0" \
        "--start 2 --end 1" "--tolerate -1" "--raw" "--name a/b" "$V/v.mp4"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr va-decode $bad -o x.h5 "$V/v.mp4"
        [ "${#stderr_lines[@]}" = 1 ]
    done
    [ ! -e x.h5 ]
    run -2 --separate-stderr va-decode "$V/v.mp4" x.h5
    [ "$stderr" = "va-decode: expected one input; --output names the output (try --help)" ]
    run -2 --separate-stderr va-decode
    [ "$stderr" = "va-decode: expected one video, one folder or - (try --help)" ]
}

@test "standard input: a pipe, with the index at the end or first, and a redirected file" {
    va-decode --raw --size 64x48 "$V/big.mp4" >expected
    for f in big.mp4 index_first.mp4; do
        # shellcheck disable=SC2002 # a pipe is what is tested
        cat "$V/$f" | va-decode --raw --size 64x48 - | cmp - expected
        va-decode --raw --size 64x48 - <"$V/$f" | cmp - expected
    done
    # shellcheck disable=SC2002
    cat "$V/wide.avi" | va-decode --size 8 -o a.h5 -
    [ "$(attribute a.h5 frame_count) $(attribute a.h5 video)" = "60 stdin" ]
    run -3 --separate-stderr va-decode -o b.h5 - </dev/null
    [ "$stderr" = "va-decode: standard input: found an empty stream, expected a video" ]
}

@test "two runs, with any number of threads, give the same bytes" {
    va-decode -o a.h5 "$V/wide.mp4"
    va-decode -j 3 -o b.h5 "$V/wide.mp4"
    cmp a.h5 b.h5
    va-check a.h5
}

@test "a video that ends early: exit 3, or counted with --tolerate" {
    head -c $(($(stat -c %s "$V/index_first.mp4") * 7 / 10)) "$V/index_first.mp4" >cut.mp4
    mkdir out
    run -3 --separate-stderr va-decode -o out/a.h5 cut.mp4
    [[ $stderr == "va-decode: cut.mp4: "* ]]
    [ "${#stderr_lines[@]}" = 1 ]
    [ -z "$(ls -A out)" ]
    run -0 --separate-stderr va-decode --tolerate 5 -o a.h5 cut.mp4
    n=$(column a.h5 /index | wc -w)
    [ "$n" -gt 10 ] && [ "$n" -lt 50 ]
    [ "$(column a.h5 /index)" = "$(seq -s ' ' "$n")" ]
    [ "$(attribute a.h5 frame_count)" -le $((n + 1)) ] # the packet that was cut has a number
    [[ $stderr == *"va-decode: cut.mp4: the file ends early: found "* ]]
    ffmpeg -nostdin -v error -i "$V/wide.mp4" -c copy w.mkv
    head -c $(($(stat -c %s w.mkv) / 2)) w.mkv >cut.mkv
    run -3 --separate-stderr va-decode -o b.h5 cut.mkv
    [[ $stderr == "va-decode: cut.mkv: reading ends after packet "* ]]
}

@test "damage in the middle: the frames after it keep their numbers" {
    local at
    at=$(ffprobe -v error -show_entries packet=pos -of csv=p=0 "$V/wide.avi" | tr -d , | sed -n 11p)
    cp "$V/wide.avi" hurt.avi
    head -c 200 /dev/zero | dd of=hurt.avi bs=1 seek="$at" conv=notrunc status=none
    run -3 --separate-stderr va-decode -o a.h5 hurt.avi
    [[ $stderr == "va-decode: hurt.avi: "*"frame 1"[01]* ]]
    [ ! -e a.h5 ]
    run -0 --separate-stderr va-decode --tolerate 100 -o a.h5 hurt.avi
    [ "$(attribute a.h5 frame_count)" = 60 ]
    [ "$(column a.h5 /index | tr ' ' '\n' | tail -n 30)" = "$(seq 31 60)" ]
    va-decode -o good.h5 "$V/wide.avi"
    [ "$(column a.h5 /pts | tr ' ' '\n' | tail -n 30)" = "$(column good.h5 /pts | tr ' ' '\n' | tail -n 30)" ]
}

@test "a damaged picture that the decoder mends is told and counted" {
    cp "$V/big.mp4" hurt.mp4
    head -c 400 /dev/zero | tr '\0' U | dd of=hurt.mp4 bs=1 seek=9000 conv=notrunc status=none
    run -3 --separate-stderr va-decode -o a.h5 hurt.mp4
    [[ $stderr == "va-decode: hurt.mp4: frame 1 (0.000 s): its packet is damaged: "* ]]
    [ ! -e a.h5 ]
    va-decode --tolerate 100 -o a.h5 hurt.mp4
    [ "$(column a.h5 /index)" = "$(seq -s ' ' 50)" ]
}

@test "no video: text, sound, a sound file with a cover, a playlist, a program" {
    seq 1000 >text.mp4
    ffmpeg -nostdin -v error -f lavfi -i sine=duration=1 sound.m4a
    ffmpeg -nostdin -v error -i sound.m4a -f lavfi -i color=red:16x16:d=0.04 -map 0 -map 1 \
        -c:v png -disposition:v attached_pic cover.mp3
    printf 'ffconcat version 1.0\nfile %s\n' "$V/v.mp4" >list.txt
    for f in text.mp4 sound.m4a cover.mp3 list.txt "$(command -v bash)"; do
        run -3 --separate-stderr va-decode -o a.h5 "$f"
        [[ $stderr == "va-decode: $f: "*[a-z]* ]]
        [ "${#stderr_lines[@]}" = 1 ]
        [ ! -e a.h5 ]
    done
}

@test "a size that nobody can mean is refused before memory is asked for" {
    if va-decode --version | grep -q sanitize; then skip "sanitizers need the address space"; fi
    make_image big.png 8 8 9
    printf '\x00\x01\x00\x00\x00\x01\x00\x00' | dd of=big.png bs=1 seek=16 conv=notrunc status=none
    run -3 --separate-stderr bash -c 'ulimit -v 2000000; va-decode -o a.h5 big.png'
    [[ $stderr == "va-decode: big.png: "* ]]
}

@test "SIGTERM in the middle leaves nothing" {
    mkdir out
    mkfifo pipe
    va-decode -o out/a.h5 - <pipe &
    local pid=$!
    { cat "$V/wide.avi" && touch sent && exec sleep 20; } >pipe &
    local writer=$!
    for _ in $(seq 100); do
        if [ -e sent ] && [ -n "$(ls -A out)" ]; then break; fi
        sleep 0.1
    done
    [ -n "$(ls -A out)" ]
    kill -TERM $pid
    local rc=0
    wait $pid || rc=$?
    kill $writer
    [ $rc -eq 143 ]
    [ -z "$(ls -A out)" ]
}
