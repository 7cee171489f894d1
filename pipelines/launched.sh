#!/bin/sh
# Trust a launcher only as far as its command: launched.sh SECONDS MARK USAGE LAUNCHER... env VA_USAGE=MARK TOOL ARGS...
#
# srun, among others, may end with 0 when the node of a command died. So the tool writes MARK at its end (VA_USAGE),
# which is waited for here, and so is the file after -o, for SECONDS at most: some file systems show late what other
# machines write. What the tool says of its usage goes on to USAGE. A command that a signal ended has said nothing: its
# process, or a rank of it, was killed or lost, and is named here. For params.mk.
set -u
wait=$1 mark=$2 usage=$3
shift 3
rm -f "$mark"

# shellcheck source=pipelines/hand_on.sh
. "$(dirname "$0")/hand_on.sh"
hand_on "$@"
code=$?
launcher=$1 made=$mark tool='' last=
for word; do
    [ "$last" != -o ] || made=$word
    [ "$last" != "VA_USAGE=$mark" ] || tool=${word##*/}
    last=$word
done
# say TEXT: as the tool would
say() {
    target=${mark##*/.}
    echo "$tool: ${mark%/*}/${target%.done}: '$launcher' ended with exit code $code$1 The same make continues" >&2
}
if [ $code -ne 0 ]; then
    rm -f "$mark"
    [ $code -le 128 ] || [ -n "$told" ] || say ": a process of it was killed or lost."
    exit $code
fi

tenths=$((wait * 10))
until [ -s "$mark" ] && [ -e "$made" ]; do
    if [ $tenths -eq 0 ]; then
        what="$made is not there"
        [ -s "$mark" ] || what="the command did not come to its end"
        say ", but $what after $wait s (VA_WAIT): did a node fail?"
        rm -f "$mark"
        exit 1
    fi
    tenths=$((tenths - 1))
    sleep 0.1
done
cat "$mark" >>"$usage" && rm -f "$mark"
