#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Completion in bash and zsh, made from the option tables. bash's functions are called as bash does;
# zsh's are run with the functions of its completion system replaced by ones that print.
bats_require_minimum_version 1.8.0
load lib/va
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# What bash offers for the last word, on one line; "files" or "folders" where it asks for those.
offers() { # TOOL WORDS...
    (
        # shellcheck disable=SC2317 # called by the function
        compopt() { [ "$2" = dirnames ] && COMPREPLY+=(folders) || COMPREPLY+=(files); }
        # shellcheck disable=SC1090
        source "$BUILD/completion/bash/$1"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        "_$1"
        echo "${COMPREPLY[*]}"
    )
}

@test "bash: options, words of a choice, files, folders, nothing for numbers" {
    [ "$(offers va-window --ta)" = --tail ]
    [ "$(offers va-window --tail "")" = "pad shift drop" ]
    [ "$(offers va-window --tail = s)" = shift ]
    [ "$(offers va-window --tail =)" = "pad shift drop" ]
    [ "$(offers va-predict --clip "")" = "yes no" ]
    [ "$(offers va-window -o "")" = files ]
    [ "$(offers va-predict -m "")" = files ]
    [ "$(offers va-window --labels "")" = folders ]
    [ "$(offers va-window --window "")" = "" ]
    [ "$(offers va-window w)" = files ]
}

@test "bash: commands, and the options of each" {
    [ "$(offers va-fold "")" = "split report run" ]
    [ "$(offers va-fold --)" = "--help --version" ]
    [ "$(offers va-fold split --fo)" = "--folds --folds-tsv --force" ]
    [ "$(offers va-fold report --fo)" = --format ]
    [ "$(offers va-ensemble --me)" = --method ]
    [ "$(offers va-ensemble fit --me)" = "" ]
    [ "$(offers va-ensemble f)" = fit ]
}

@test "bash: every option of every help is offered" {
    for t in "$BUILD"/bin/*; do
        t=${t##*/}
        "$t" --help-table | awk -F '\t' '$3 != "" { print $1, "--" $3 }' >options
        [ "$(wc -l <options)" -ge 4 ]
        while read -r first second; do
            [ -n "$second" ] || second=$first first=
            # shellcheck disable=SC2086 # no command is no word
            [[ " $(offers "$t" ${first/$second/} "$second") " == *" $second "* ]] || explain "$t $first $second"
        done <options
    done
}

@test "zsh: the files are valid, and ask for the same" {
    command -v zsh >/dev/null || skip "no zsh"
    for f in "$BUILD"/completion/zsh/_*; do
        zsh -n "$f"
        [ "$(head -n 1 "$f")" = "#compdef ${f##*/_}" ]
    done
    asks() { # CURRENT WORDS...: what _arguments is given, a line each
        # shellcheck disable=SC2016 # for zsh
        zsh -fc 'f=$1; CURRENT=$2; words=("${@:3}"); _arguments() { print -l -- "$@"; }
            _describe() { print -l -- $verbs; }; _x() { source $f; }; _x' zsh \
            "$BUILD/completion/zsh/_$2" "$@"
    }
    asks 2 va-window "" | grep -qF -- "*--tail=[end of a video"
    asks 2 va-window "" | grep -qF ":tail:(pad shift drop)"
    asks 2 va-window "" | grep -qF -- "*-o+["
    asks 2 va-fold "" | grep -q "^split:write the lists"
    asks 3 va-fold split "" | grep -qF -- "*--scheme="
    run ! grep -F -- "--scheme=" <(asks 3 va-fold report "")
}

@test "install puts them where the shells look" {
    make -C "$BATS_TEST_DIRNAME/.." -o all BUILD="$BUILD" install DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr >/dev/null
    [ -s "$BATS_TEST_TMPDIR/usr/share/bash-completion/completions/va-window" ]
    [ -s "$BATS_TEST_TMPDIR/usr/share/zsh/site-functions/_va-window" ]
}
