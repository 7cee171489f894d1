#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2094 # run sets stderr; lists are inputs that stay
# What command lines understand in every tool: abbreviations, nearest names, help of commands.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

refused() { # TEXT COMMAND...
    run -2 --separate-stderr "${@:2}"
    [ "$stderr" = "$2: $1 (try --help)" ] || explain "$stderr"
    [ "$output" = "" ]
}
helps() { # FIRST LINE, COMMAND...
    run -0 --separate-stderr "${@:2}"
    [ "${lines[0]}" = "$1" ] || explain "${lines[0]}"
    [ "$stderr" = "" ]
}

@test "a mistyped option, command or choice: the nearest is named" {
    refused "unknown option --lables, did you mean --labels?" va-window --lables dir
    refused "unknown option --lables, did you mean --labels?" va-window --lables=dir
    refused "unknown option --text_dir, did you mean --text-dir?" va-predict --text_dir t
    refused "unknown option -output, did you mean --output?" va-window -output w.h5
    refused "unknown command splt, did you mean split?" va-fold splt --seed 3
    refused "unknown command imprt, did you mean import?" va-weights help imprt
    refused "--tail padd: expected pad|shift|drop, did you mean pad?" va-window --tail padd
}

@test "a word that resembles none has no suggestion" {
    refused "unknown option --no-such-option" va-window --no-such-option
    refused "unknown command xyzzy" va-fold xyzzy
    refused "--tail x: expected pad|shift|drop" va-window --tail x
}

@test "--files-from: inputs of a list are those of the command line, and are not written over" {
    mkdir in
    for v in a "b c" d; do make_features --video "$v" --frames 30 --seed 7 "in/$v.h5"; done
    va-window -q --window 20 --stride 20 -o given.h5 in/a.h5 "in/b c.h5" "in/d.h5" >given.tsv
    printf '%s\n' "in/b c.h5" "" "in/d.h5" | tee list | sed 's/$/\r/' >dos
    for list in list dos -; do
        va-window -q --window 20 --stride 20 -o listed.h5 in/a.h5 --files-from $list <list >listed.tsv
        cmp given.tsv listed.tsv
        va-h5cmp given.h5 listed.h5
        [[ $(attribute listed.h5 provenance) == *"--files-from $list --window 20 --stride 20 in/a.h5"* ]] || explain "$(attribute listed.h5 provenance)"
    done
    run -2 --separate-stderr va-window --files-from list -o "in/d.h5"
    [ "$stderr" = "va-window: --output in/d.h5: is also an input, in/d.h5: name another output" ]
    run -2 --separate-stderr va-window --files-from list -o list
    [ "$stderr" = "va-window: --output list: is also an input, list: name another output" ]
    run -3 --separate-stderr va-window --files-from none -o w.h5
    [ "$stderr" = "va-window: none: cannot open: No such file or directory" ]
    printf 'in/a.h5\n\0' >bad
    run -3 --separate-stderr va-check --files-from bad
    [ "$stderr" = "va-check: bad: line 2: found a NUL byte, expected text" ]
    : >empty
    run -2 --separate-stderr va-check --files-from empty
    [ "$stderr" = "va-check: expected at least one file (try --help)" ]
    va-features info --files-from list >info
    [ "$(wc -l <info)" -eq 3 ]
}

@test "abbreviations: one candidate is taken, several are listed, provenance has full names" {
    make_features --frames 30 --seed 7 in.h5
    va-window -q --win 20 --stri=10 -o short.h5 in.h5
    va-window -q --window 20 --stride 10 -o long.h5 in.h5
    cmp short.h5 long.h5
    [[ $(attribute short.h5 provenance) == *"--window 20 --stride 10"* ]]
    run -2 --separate-stderr va-window --l dir
    [[ $stderr == "va-window: --l is ambiguous: "*--labels*--leading*" (try --help)" ]]
    helps "$(va-window --help | head -n 1)" va-window --he
}

@test "an abbreviation that is an option of another tool is none" {
    refused "unknown option --window, did you mean --windows?" va-tcn-mamba-train --window 300
    refused "unknown option --clip, did you mean --clip-norm?" va-mae-pretrain --clip yes
    refused "unknown option --train, did you mean --train-labels?" va-fold split --train lab
    # every name of an option that begins an option of another tool
    for tool in "$BUILD"/bin/va-*; do
        name=${tool##*/}
        { "$tool" --help; for c in split report run init import export info best fit check resample convert; do "$tool" help $c 2>/dev/null || true; done; } |
            grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | sed "s/.*--/$name /" | sort -u
    done >options
    awk '{ tool[NR] = $1; name[NR] = $2; all[$2]; has[$1, $2] }
        END { for (i = 1; i <= NR; i++) for (x in all)
            if (x != name[i] && index(name[i], x) == 1 && !((tool[i], x) in has)) print tool[i], x }' options | sort -u >begins
    [ -s begins ]
    while read -r tool name; do
        for command in "" split report run init import export info best fit check resample convert; do
            run --separate-stderr "$tool" $command --"$name" x
            [[ $status -eq 2 && $stderr != *"unknown command"* ]] || continue
            [[ $stderr == *"unknown option --$name"* || $stderr == *"--$name is ambiguous"* || $stderr == *"--$name "* ]] || explain "$tool $command --$name: $stderr"
        done
    done <begins
}

@test "help of commands" {
    local split_usage
    split_usage=$(va-fold split --help | head -n 1)
    [[ $split_usage == "usage: va-fold split "* ]]
    helps "$split_usage" va-fold help split
    helps "$split_usage" va-fold --help split
    helps "$split_usage" va-fold -h split
    helps "$(va-fold --help | head -n 1)" va-fold help
    helps "$(va-weights --help | head -n 1)" va-weights help
    helps "$(va-ensemble --help | head -n 1)" va-ensemble help
    helps "$(va-ensemble fit --help | head -n 1)" va-ensemble --help fit
    helps "$(va-ensemble --help | head -n 1)" va-ensemble --help pred.h5
}

@test "the help of an option is at most 20 words and needs no other option's help" {
    for t in "$BUILD"/bin/*; do
        "$t" --help-man >page
        awk -v tool="${t##*/}" '
            option { sub(/ \(default: .*/, ""); print tool, option ": " $0 }
            { option = /^\.B \\-/ ? $0 : "" }' page
    done >helps
    [ "$(wc -l <helps)" -gt 300 ]
    awk -F ': ' '{ help = substr($0, index($0, ": ") + 2) }
        split(help, words, " ") > 20 || help ~ /likewise|^(its|of|what|where|whose|likewise) / { print; bad = 1 }
        END { exit bad }' helps
}

@test "a name has one meaning: --weights is a model, --clip limits predictions, --labels are folders" {
    help_of() { "$1" --help | sed 1,5d | tr -s ' \n' ' ' | grep -oE -- "--$2 [^-].{60}" | head -n 1; }
    for t in va-predict va-smooth va-ensemble; do
        [[ $(help_of $t clip) == *"limit predictions to [-1, 1]"* ]] || explain "$t"
    done
    for t in va-tcn-mamba-train va-finetune va-mae-pretrain; do
        [[ $(help_of $t clip-norm) == *"limit of the gradient's L2 norm"* ]] || explain "$t"
    done
    for t in va-embed va-finetune; do [[ $(help_of $t weights) == *encoder* ]] || explain "$t"; done
    for t in va-window va-score va-predict va-finetune; do
        [[ $(help_of $t labels) == *"folder of label files"* ]] || explain "$t"
    done
    run -2 --separate-stderr va-ensemble --weights w.tsv -o out.h5 in.h5
    [[ $stderr == *"did you mean --weight?"* ]]
}

@test "the provenance has the value of an option whose default depends on others" {
    cd "$BATS_TEST_TMPDIR"
    make_video v.mp4 32 32 4 25
    va-decode -q --name abc -o f.h5 v.mp4
    h5dump -a provenance f.h5 | grep -qF 'arguments=--name abc v.mp4'
}
