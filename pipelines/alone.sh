#!/bin/sh
# One make at a time in a folder: alone.sh FILE MAKE, where MAKE is the process that asks
#
# FILE names the process that works there and when it began. It stays after the end: a process that is no
# more, or another of its number, holds nothing. Otherwise there is one line, and exit 1.
set -uC
export LC_ALL=C

# The process and when it began, in ticks since the machine did.
known() { echo "$1 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)"; }

# Whether a process works: one that ended and that its parent has not asked about is still there, with state Z.
works() { case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | [ZX]*) false ;; esac }

file=$1 us=$(known "$2")
mkdir -p "${file%/*}" 2>&1 || exit 1
for _ in 1 2 3; do
    cause=$( (env echo "$us" >"$file") 2>&1) && exit 0 # the echo of sh keeps the cause to itself
    them=$(cat "$file" 2>/dev/null)
    [ "$them" != "$us" ] || exit 0
    pid=${them%% *}
    case $pid in '' | *[!0-9]*) ;; *)
        if works "$pid" && [ "$(known "$pid")" = "$them" ]; then
            echo "OUT=${file%/.make/*}: in use by make, process $pid: wait for its end, or give another OUT"
            exit 1
        fi
        ;;
    esac
    rm -f "$file"
done
echo "$file: cannot be written: ${cause##*: }"
exit 1
