# shellcheck shell=bash
# Videos for va-faces with a detector that takes red squares for faces (make_detector).
#
# scene OUT.mkv SECONDS "COLOUR X Y [WHEN]"...: squares of 48 pixels on grey, 320x192, 25 frames a second;
# X, Y and WHEN are expressions of ffmpeg in t. red, magenta and orange are people; gray hides them.
scene() {
    local out=$1 seconds=$2 chain='[0]null[s0]' n=0 square colour x y when
    local -a inputs=()
    shift 2
    for square; do
        read -r colour x y when <<<"$square"
        n=$((n + 1))
        inputs+=(-f lavfi -i "color=$colour:s=${SIZE:-48x48}:r=25:d=$seconds")
        chain+=";[s$((n - 1))][$n]overlay=x='$x':y='$y':enable='${when:-1}'[s$n]"
    done
    ffmpeg -nostdin -v error -y -f lavfi -i "color=${GROUND:-gray}:s=320x192:r=25:d=$seconds" "${inputs[@]}" \
        -filter_complex "$chain" -map "[s$n]" -c:v ffv1 -pix_fmt bgr0 "$out"
}

# people FILE: a line "NAME FIRST-LAST COUNT" for each of its tracks
people() {
    paste -d ' ' <(column "$1" /tracks/name | tr ' ' '\n') <(column "$1" /tracks/first | tr ' ' '\n') \
        <(column "$1" /tracks/last | tr ' ' '\n') <(column "$1" /tracks/count | tr ' ' '\n') |
        sed -e '/[^ ]/!d' -e 's/^\([^ ]*\) \([^ ]*\) /\1 \2-/'
}
