#!/usr/bin/env bash
# layers.sh [LIBRARY] - which way the files of the source look.
# The page of a room of the library, common/ROOM/README.md, ends with the rooms that its files may
# include; tools may include all of them. Of any two rooms, and of any two object files of the
# library, one is below.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0

# only FOLDER ALLOWED...: every quoted include of FOLDER names one of these folders
only() {
    local folder=$1 found
    shift
    found=$(grep -rnE '^#include "' "$folder" --include='*.[ch]' --include='*.cu' --include='*.cuh' |
        grep -vE "#include \"($(IFS='|'; echo "$*"))/" | grep -vE '#include "va_build.h"')
    if [ -n "$found" ]; then
        printf '%s\n' "$found" | sed "s|\$|: $folder may include only: $*|"
        bad=1
    fi
}

rooms=
below=
for room in common/*/; do
    room=${room%/}
    may=$(sed -n 's/^May include: //p' "$room/README.md")
    if [ -z "$may" ]; then
        echo "$room/README.md: expected a line \"May include: ROOM ...\""
        bad=1
        continue
    fi
    # shellcheck disable=SC2086 # a list of words
    only "$room" $may
    rooms+=" ${room#common/}"
    for other in $may; do
        below+=" ${room#common/} $other"
    done
done
# shellcheck disable=SC2086
only tools $rooms tools cuda
# shellcheck disable=SC2086
only lib $rooms lib
[ ! -d cuda ] || only cuda base ops cuda
# shellcheck disable=SC2086
circles=$(printf '%s\n' $below | tsort 2>&1 >/dev/null)
if [ -n "$circles" ]; then
    printf '%s\n' "$circles" | sed 's/^tsort: -: input contains a loop:/rooms that may include one another:/; s/^tsort: /    /'
    bad=1
fi
if grep -rnE '(^|[^a-z_])exit *\(' common lib --include='*.c' | grep -vE '_exit|/\*|\* '; then
    echo "only tools end the process"
    bad=1
fi

# needs LIBRARY: "A.o B.o" where A.o calls what B.o defines
needs() {
    nm -A "$1" | awk '
        { split($1, part, ":"); object = part[2]; symbol = $NF }
        $(NF - 1) == "U" { wants[object " " symbol] }
        $(NF - 1) ~ /^[TDRB]$/ { owner[symbol] = object }
        END {
            for (want in wants) {
                split(want, word, " ")
                if (word[2] in owner && owner[word[2]] != word[1]) print word[1], owner[word[2]]
            }
        }' | sort
}

# No files of the library need one another in a circle.
if [ $# -gt 0 ]; then
    circles=$(needs "$1" | tsort 2>&1 >/dev/null)
    if [ -n "$circles" ]; then
        printf '%s\n' "$circles" | sed 's/^tsort: -: input contains a loop:/files that need one another:/; s/^tsort: /    /'
        bad=1
    fi
fi
exit $bad
