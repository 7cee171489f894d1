#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# va-embed --filter: features of another program, and what it may do wrong.
bats_require_minimum_version 1.8.0
load lib/va

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    make_frames --frames 5 --width 8 --height 8 --video a --seed 3 a.h5
}

# bytes of pictures below 128, which make finite numbers; it answers when it has read all
HALF="tr '\200-\377' '\0-\177'"
filter() { va-embed -q --filter "$1" --filter-size 4 --filter-width 12 --filter-timeout 2 -o f.h5 "${@:2}" a.h5; }

# fails CODE COMMAND WORDS: this line, no file, no process left
fails() {
    run "-$1" --separate-stderr filter "$2"
    [ "${stderr_lines[-1]}" = "va-embed: --filter: $3" ] || explain "$stderr"
    [ ! -e f.h5 ] || return 1
    run ! grep -lz 98765 /proc/[0-9]*/cmdline
}

@test "a row for each picture, whenever it comes" {
    filter "$HALF"
    va-check f.h5
    [ "$(column f.h5 /index)" = "1 2 3 4 5" ]
    attribute f.h5 provenance | grep -q filter
    mv f.h5 late.h5
    filter "while head -c 48 >p; [ -s p ]; do $HALF <p; done" --batch 1
    [ "$(column late.h5 /features | tr -d '\n')" = "$(column f.h5 /features | tr -d '\n')" ]
    [ "$(attribute late.h5 encoder)" != "$(attribute f.h5 encoder)" ]
    filter "$HALF" --batch 2
    [ "$(attribute late.h5 encoder)" = "$(attribute f.h5 encoder)" ]
    make_frames --frames 400 --width 100 --height 100 --video a --seed 3 a.h5 # more than pipes hold
    va-embed -q --filter "$HALF" --filter-size 100 --filter-width 7500 -o f.h5 a.h5
    va-check f.h5
}

@test "a time of the pictures that is not finite: refused" {
    h5edit a.h5 poke /pts 2 nan
    run -3 --separate-stderr filter "$HALF"
    [ "$stderr" = "va-embed: a.h5: /pts[2]: found nan, expected a finite number" ] || explain "$stderr"
    [ ! -e f.h5 ]
}

@test "rows too few, too many, cut off, not finite: exit 3" {
    fails 3 "head -c 96 | $HALF" "'head -c 96 | $HALF' gave 2 rows for 5 pictures, expected one each"
    fails 3 "head -c 100 | $HALF" \
        "'head -c 100 | $HALF' gave 4 bytes after row 2, expected rows of 12 float32 (--filter-width)"
    fails 3 "$HALF; head -c 48 /dev/zero" \
        "'$HALF; head -c 48 /dev/zero' gave more than 5 rows of 12 float32 for 5 pictures, expected one each (--filter-width)"
    # endless output is no endless wait, and takes no memory
    run -3 --separate-stderr filter "cat /dev/zero"
    [[ $stderr == "va-embed: --filter: 'cat /dev/zero' gave more than "* ]] || explain "$stderr"
    fails 3 "tr '\0-\377' '[\377*]'" "'tr '\0-\377' '[\377*]'' gave -nan as number 0 of row 0, expected a finite one"
}

@test "a program that dies, or cannot be run: exit 4" {
    fails 4 "cat >/dev/null; exit 7" "'cat >/dev/null; exit 7' ended with status 7, after 0 rows"
    fails 4 "head -c 48 >p; $HALF <p; kill -9 \$\$" \
        "'head -c 48 >p; $HALF <p; kill -9 \$\$' was ended by signal 9, after 1 rows"
    fails 4 "exit 3" "'exit 3' ended with status 3, after 0 rows"
    fails 4 "no-such-program" "'no-such-program' ended with status 127, after 0 rows"
    # pictures that nobody reads do not end it with a signal
    make_frames --frames 400 --width 100 --height 100 --video a --seed 3 a.h5
    run -4 --separate-stderr va-embed -q --filter "exit 5" --filter-size 100 --filter-width 7500 -o f.h5 a.h5
    [ "$stderr" = "va-embed: --filter: 'exit 5' ended with status 5, after 0 rows" ]
}

@test "a program that hangs is ended, with what it started: exit 4" {
    for command in "sleep 98765" "cat >/dev/null; sleep 98765" "$HALF; exec >&-; sleep 98765" "sleep 98765 | cat"; do
        run -4 --separate-stderr filter "$command"
        [[ $stderr == "va-embed: --filter: no sign of '$command' for 2 seconds, after "?" rows for 5 pictures (--filter-timeout gives it longer)" ]] ||
            explain "$stderr"
        [ ! -e f.h5 ]
        run ! grep -lz 98765 /proc/[0-9]*/cmdline
    done
}

@test "what a program leaves running ends with it, in whatever way that ends" {
    filter "(exec >&- 2>&-; sleep 98763) & $HALF"
    sleep .1
    run ! grep -lz 98763 /proc/[0-9]*/cmdline
    run -4 --separate-stderr filter "(exec >&- 2>&-; sleep 98763) & exit 7"
    sleep .1
    run ! grep -lz 98763 /proc/[0-9]*/cmdline
}

@test "a signal that ends va-embed ends the program, and what it started" {
    for signal in TERM HUP; do
        va-embed -q --filter "touch here; cat >/dev/null; sleep 98764 | cat" --filter-size 4 --filter-width 12 -o f.h5 a.h5 &
        until [ -e here ]; do sleep .05; done
        sleep .2
        kill -$signal $!
        run ! wait $!
        sleep .1
        run ! grep -lz 98764 /proc/[0-9]*/cmdline
        [ -z "$(find . -name '*f.h5*')" ]
        rm here
    done
}

@test "options that do not go together" {
    run -2 --separate-stderr va-embed --filter cat -o f.h5 a.h5
    [ "$stderr" = "va-embed: missing --filter-width N for --filter (try --help)" ]
    run -2 --separate-stderr va-embed --filter cat --filter-width 3 -w a.h5 -o f.h5 a.h5
    [ "$stderr" = "va-embed: --weights and --filter conflict (try --help)" ]
}
