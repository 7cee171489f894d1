#!/usr/bin/env bash
# layers.sh [LIBRARY] - which way the files of the source look.
# Includes point one way: tools -> common and cuda's public header; in common base knows nobody,
# io, media and ops (the operation table) know base, synth knows media, data knows io, cpu and nn
# know ops, but not each other; train, which joins data, pictures and models, is the top of common.
# Object files of the library need one another in one direction: of any two, one is below.
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

only common/base base
only common/io base io
only common/media base media
only common/synth base media synth
only common/ops base ops
only common/cpu base ops cpu
only common/data base io data
only common/nn base ops nn
only common/train base io media data ops nn train
[ ! -d tools ] || only tools base io media synth ops cpu data nn train tools cuda
[ ! -d cuda ] || only cuda base ops cuda
if grep -rnE '(^|[^a-z_])exit *\(' common --include='*.c' | grep -vE '_exit|/\*|\* '; then
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
