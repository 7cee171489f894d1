# shellcheck shell=bash
# What the bats files share. Tests run in $BATS_TEST_TMPDIR; PATH holds the tools and the
# generators (test/run.sh sets it).
#
#   generic_battery TOOL ARGS...   what every tool must hold (below)
#   column FILE DATASET            values on one line, separated by blanks
#   attribute FILE NAME            value(s) of a root attribute (or /object@name) likewise
#   small_disk SIZE DIR COMMAND... run COMMAND with DIR as an empty file system of SIZE bytes
#   can_mount                      whether small_disk works here
#   same_numbers ARGS...         va-h5cmp ARGS finds other attributes at most
#   put FILE ROW...                a file of labels or predictions with these rows
#   python_with MODULE...          PY, a Python that has them, or a reason to skip
#   forbidden FILE                 nobody may read it: commands after "${plainly[@]}", as root, too; or skip
#   refused_by TOOL CODE TEXT ARGS...   one line, nothing on standard output and no file `out`
#   setup_pipelines                top, the folder of the project, and the folder of the file's tests: for setup_file
#   explain TEXT...                say why a test fails, and fail

export SHELL=$BASH # script(1) gives what it runs to this one; without it, to sh, which loses functions that are exported

# same_numbers ARGS...: va-h5cmp ARGS finds other attributes at most, and says which
same_numbers() {
    local said rc=0
    said=$(va-h5cmp "$@" 2>&1) || rc=$?
    [ $rc -eq 0 ] || { [ $rc -eq 1 ] && [ -n "$said" ]; } || explain "va-h5cmp: exit $rc: $said" || return 1
    if grep -qv @ <<<"${said:-@}"; then explain "$said"; fi
}

# words_of TOOL OPTION: the values that an option of words takes.
words_of() {
    "$1" --help-table | awk -F '\t' -v option="$2" '$3 == option { print $5 }'
}

setup_pipelines() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
    cd "$BATS_FILE_TMPDIR" || return
}

put() {
    local file=$1
    shift
    printf '%s\n' valence,arousal "$@" >"$file"
}

python_with() {
    local module
    PY=${PY:-python3}
    for module; do
        "$PY" -c "import $module" 2>/dev/null || skip "no Python module $module (set PY to a Python that has it)"
    done
}

forbidden() {
    chmod 000 "$1"
    if [ "$(id -u)" = 0 ]; then plainly=(setpriv "--bounding-set=-dac_override,-dac_read_search"); else plainly=(); fi
    if ! "${plainly[@]}" true || "${plainly[@]}" test -r "$1"; then skip "no file is unreadable here"; fi
}

explain() {
    printf '%s\n' "$*" >&2
    return 1
}

refused_by() {
    local tool=$1 code=$2 text=$3
    shift 3
    rm -f out
    run "-$code" --separate-stderr "$tool" "$@"
    # shellcheck disable=SC2154 # run sets stderr
    [ "$stderr" = "$tool: $text" ] || explain "$stderr"
    [ "$output" = "" ]
    [ ! -e out ]
}

column() {
    h5dump -y -w 0 -m '%.9g' -d "$2" "$1" | dump_values
}

attribute() {
    local where=$2
    [[ $where == */*@* ]] && where=${where%@*}/${where#*@}
    where=/${where#[@/]}
    h5dump -y -w 0 -m '%.9g' -a "$where" "$1" | dump_values
}

dump_values() {
    sed -n '/DATA {/,/}/p' | sed -e '/[{}]/d' -e 's/"\(,\|$\)/\1/g' -e 's/^ *"//' -e 's/\\000//g' \
        -e 's/, *"\?/ /g' -e 's/^ *//' -e 's/ *$//' | paste -sd ' ' | sed 's/  */ /g'
}

small_disk() {
    local size=$1 dir=$2 flag=-m
    shift 2
    [ "$(id -u)" = 0 ] || flag=-rm
    # shellcheck disable=SC2016
    unshare $flag bash -c 'mount -t tmpfs -o size="$1" va-test "$2" || exit 99; shift 2; "$@"' \
        small_disk "$size" "$dir" "$@"
}

need_strace() {
    command -v strace >/dev/null || skip "no strace"
    strace -qq -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=1 true 2>/dev/null ||
        skip "strace cannot trace here"
}

can_mount() {
    mkdir -p mount-probe && small_disk 16384 mount-probe true 2>/dev/null
}

# ---- the generic battery ------------------------------------------------------------------
# generic_battery TOOL ARGS...: TOOL may hold a subcommand ("va-weights import"). ARGS must make a
# run that succeeds; the value of -o or --output is its output, every other argument that is
# a regular file an input. Each input is replaced in turn by something broken; each failure must
# have its exit code, one line on stderr that names the file, nothing on stdout, no output, an
# earlier output untouched, no temporary file, no error stack of the HDF5 library.
#
#   BATTERY_DAMAGED=1     exit code for empty, truncated and foreign input (default 3)
#   BATTERY_WHOLE="a b"   inputs of which a part is as good as the whole: not truncated
#   BATTERY_SKIP="full"   pieces to leave out, with a reason in the test: arguments missing empty
#                         truncated foreign same unwritable full
generic_battery() {
    local -a tool args=("${@:2}")
    local output='' ending at=-1 i
    read -ra tool <<<"$1"
    for ((i = 0; i < ${#args[@]}; i++)); do
        case ${args[i]} in -o | --output) at=$((i + 1)) output=${args[i + 1]} ;; esac
    done
    ending=${output##*.} # other outputs are named like this one
    rm -rf battery && mkdir battery || return 1
    battery_answers || return 1
    battery_run "${tool[@]}" "${args[@]}"
    [ "$rc" -eq 0 ] || explain "the unharmed run: exit $rc: $(cat battery/err)" || return 1
    if [ -f "$output" ]; then cp "$output" battery/earlier; else echo earlier >battery/earlier; fi
    for ((i = 0; i < ${#args[@]}; i++)); do
        if [ "$i" -ne "$at" ] && [ -f "${args[i]}" ]; then battery_input "$i" || return 1; fi
    done
    if [ "$at" -ge 0 ] && battery_wants same; then battery_same || return 1; fi
    if [ "$at" -ge 0 ] && battery_wants unwritable; then battery_unwritable || return 1; fi
    if battery_wants full; then battery_full || return 1; fi
    rm -rf battery
}

battery_wants() { [[ " ${BATTERY_SKIP-} " != *" $1 "* ]]; }

# Run a command; its status goes to rc, its words to battery/out and battery/err.
battery_run() {
    rc=0
    "$@" >battery/out 2>battery/err </dev/null || rc=$?
}

# Help and version on stdout alone; mistakes in the command line on stderr alone.
battery_answers() {
    local option
    for option in -h --help -V --version; do
        battery_run "${tool[@]}" $option
        [ "$rc" -eq 0 ] && [ -s battery/out ] && [ ! -s battery/err ] ||
            explain "${tool[*]} $option: exit $rc, stderr: $(cat battery/err)" || return 1
    done
    battery_run "${tool[@]}" --no-such-option "${args[@]}"
    battery_failed 2 no-such-option || return 1
    if battery_wants arguments; then
        battery_run "${tool[@]}"
        battery_failed 2 '' || return 1
    fi
}

# battery_failed CODE WORD: the last run failed as it should, in one line that holds WORD
battery_failed() {
    local said
    said=$(cat battery/err)
    [ "$rc" -eq "$1" ] || explain "exit $rc, expected $1: $said" || return 1
    [ "$(wc -l <battery/err)" -eq 1 ] || explain "expected one line, found: $said" || return 1
    [[ $said == "${tool[0]}: "* ]] || explain "the line does not begin with the tool: $said" || return 1
    [[ $said == *"$2"* ]] || explain "the line does not name $2: $said" || return 1
    [[ $said != *HDF5-DIAG* ]] || explain "HDF5's own words: $said" || return 1
    [ ! -s battery/out ] || explain "a failed run wrote to stdout: $(head -n 1 battery/out)"
}

# battery_refuses CODE WORD ARGS...: this run fails, with no output there before and with one
battery_refuses() {
    local code=$1 word=$2 before
    shift 2
    [ -z "$output" ] || rm -rf "$output"
    before=$(battery_parts)
    battery_run "${tool[@]}" "$@"
    battery_failed "$code" "$word" || return 1
    if [ -n "$output" ]; then
        [ ! -e "$output" ] || explain "a failed run left $output" || return 1
        [ "$(battery_parts)" = "$before" ] || explain "left: $(battery_parts)" || return 1
        cp battery/earlier "$output"
        battery_run "${tool[@]}" "$@"
        battery_failed "$code" "$word" || return 1
        cmp -s battery/earlier "$output" || explain "a failed run changed $output" || return 1
        [ "$(battery_parts)" = "$before" ] || explain "left: $(battery_parts)" || return 1
        rm "$output"
    fi
}

battery_parts() { find . -name '*.part' -o -name '.*.lock' | sort; }

# Replace input args[$1] by broken ones.
battery_input() {
    local file=${args[$1]} name broken damaged=${BATTERY_DAMAGED:-3}
    local -a try=("${args[@]}")
    name=$(basename "$file")
    mkdir -p battery/in
    broken=battery/in/$name
    try[$1]=$broken
    if battery_wants missing; then
        battery_refuses 3 "$name" "${try[@]}" || explain "... $file missing" || return 1
    fi
    if battery_wants empty; then
        : >"$broken"
        battery_refuses "$damaged" "$name" "${try[@]}" || explain "... $file empty" || return 1
    fi
    if battery_wants truncated && [[ " ${BATTERY_WHOLE-} " != *" $file "* ]]; then
        head -c $(($(stat -c %s "$file") / 2)) "$file" >"$broken"
        battery_refuses "$damaged" "$name" "${try[@]}" || explain "... $file truncated" || return 1
    fi
    if battery_wants foreign; then
        seq 1 999 | sed 's/$/ neither this nor that, /' >"$broken"
        battery_refuses "$damaged" "$name" "${try[@]}" || explain "... $file foreign" || return 1
    fi
    rm -f "$broken"
}

# The output is one of the inputs, under its name and under another: refused, and all bytes kept.
battery_same() {
    local file name
    local -a try=("${args[@]}")
    for file in "${args[@]}"; do
        if [ ! -f "$file" ] || [ "$file" = "$output" ]; then continue; fi
        cp "$file" battery/before
        ln -f "$file" battery/other
        for name in "$file" battery/other; do
            try[at]=$name
            battery_run "${tool[@]}" "${try[@]}"
            battery_failed 2 "$name" || return 1
            cmp -s battery/before "$file" || explain "$file was replaced by the output" || return 1
        done
        rm battery/other
    done
}

# The output cannot be made: its folder is a file, or missing.
battery_unwritable() {
    local where output=
    local -a try=("${args[@]}")
    : >battery/file
    for where in battery/file battery/nowhere; do
        try[at]=$where/out.$ending
        battery_refuses 4 "$where" "${try[@]}" || explain "... output into $where" || return 1
    done
    [ ! -e battery/nowhere ] || explain "a folder was made for the output"
}

# The disk has no block left: a tmpfs where there is an output, /dev/full where stdout is it.
battery_full() {
    local -a try=("${args[@]}")
    if [ "$at" -lt 0 ]; then
        battery_run "${tool[@]}" "${args[@]}"
        [ -s battery/out ] || return 0
        rc=0
        "${tool[@]}" "${args[@]}" >/dev/full 2>battery/err || rc=$?
        : >battery/out
        battery_failed 4 'standard output'
        return
    fi
    if ! can_mount; then
        echo "# full disk: no small file system can be mounted here, left out" >&3
        return 0
    fi
    mkdir -p battery/disk
    try[at]=battery/disk/out.$ending
    # shellcheck disable=SC2016
    battery_run small_disk $((65536 + $(stat -c %s battery/earlier))) battery/disk bash -c '
        cp battery/earlier "battery/disk/$0"
        cat /dev/zero >battery/disk/filler 2>/dev/null
        "$@"
        rc=$?
        [ "$(ls -A battery/disk | sort | paste -sd " ")" = "filler $0" ] || {
            echo "left: $(ls -A battery/disk)"; exit 98; }
        cmp -s battery/earlier "battery/disk/$0" || { echo "$0 was changed"; exit 98; }
        exit $rc' "out.$ending" "${tool[@]}" "${try[@]}"
    [ "$rc" -ne 98 ] || explain "full disk: $(cat battery/out)" || return 1
    battery_failed 4 "out.$ending" || explain "... full disk"
}
