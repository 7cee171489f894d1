#!/usr/bin/env bats
# shellcheck disable=SC2154 # run sets stderr
# Man pages: set without warnings, complete, and their examples run as they stand: tool by tool, in
# one folder, each on what the tools before it made.
bats_require_minimum_version 1.8.0
load lib/va

setup_file() {
    top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
    export top
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }

pages=("$BUILD"/man/man[157]/* "$BUILD/man/man3/libmamba_va.3")

@test "every tool and format has a page, and so has the whole" {
    for t in "$BUILD"/bin/*; do [ -s "$BUILD/man/man1/${t##*/}.1" ]; done
    for f in "$top"/schemas/*.md; do
        f=${f##*/}
        [ -s "$BUILD/man/man5/${f%.md}.5" ]
    done
    [ -s "$BUILD/man/man7/mamba-va.7" ]
    while read -r f; do [ "$(cat "$BUILD/man/man3/$f.3")" = ".so man3/libmamba_va.3" ]; done < <(
        sed -n 's/.* \**\(mamba_va_[a-z_]*\)(.*/\1/p' "$top/lib/mamba_va.h" | sort -u)
}

@test "pages are set without a warning, on narrow and wide terminals" {
    command -v man >/dev/null || skip "no man"
    for page in "${pages[@]}"; do
        for width in 60 80 100; do
            LC_ALL=C.UTF-8 MANWIDTH=$width man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null | sed "s|^|$page: |"
        done
    done >warnings
    [ ! -s warnings ] || explain "$(head -n 5 warnings)"
}

@test "a tool's page has all sections, and each once" {
    for page in "$BUILD"/man/man1/*; do
        for section in NAME SYNOPSIS "EXIT STATUS" EXAMPLES ENVIRONMENT FILES "SEE ALSO"; do
            [ "$(grep -c "^\.SH $section\$" "$page")" -eq 1 ] || explain "$page: $section"
            grep -A 1 "^\.SH $section\$" "$page" | tail -n 1 | grep -qv '^\.SH' || explain "$page: $section is empty"
        done
    done
}

@test "exit status 1: the pages name all tools that use it" {
    for page in "$BUILD/man/man1/va-jobs.1" "$BUILD/man/man7/mamba-va.7"; do
        for tool in va-check va-h5cmp "va-jobs status"; do
            sed -n '/^\.SH "*\(EXIT STATUS\|Exit status\)/,/wrong/p' "$page" | sed 's/\\-/-/g; s/\\f[BR]//g' | grep -q "$tool found" ||
                explain "$page: $tool"
        done
    done
}

@test "no paragraph is a wall: at most 90 words" {
    for page in "${pages[@]}"; do
        awk -v page="$page" '
            function check() { if (words > 90) { print page ": " words " words: " first; bad = 1 } words = 0 }
            /^\.EX/ { code = 1 } /^\.EE/ { code = 0 }
            /^\./ { check(); next }
            code { next }
            { if (!words) first = $0; words += NF }
            END { check(); exit bad }' "$page" || return 1
    done
}

@test "pages that a page names exist" {
    sed 's/\\-/-/g; s/\\f[BR]//g' "${pages[@]}" | grep -oE '(va|mamba)[-.a-z0-9]*\([1357]\)' | sort -u >named
    [ "$(wc -l <named)" -gt 20 ]
    while IFS='()' read -r name section _; do
        [ -e "$BUILD/man/man$section/$name.$section" ] || explain "$name($section)"
    done <named
}

# What is given to the examples, each trainer with small settings after those of the example.
small() { # TOOL SETTINGS [COMMAND BEFORE]
    printf '#!/bin/sh\n%s\nexec "%s" "$@" %s\n' "${3:-}" "$BUILD/bin/$1" "$2" >"bin/$1"
    chmod +x "bin/$1"
}
given() {
    mkdir bin
    small va-tcn-mamba-train "--channels 8,8 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0"
    small va-finetune "--epochs 1 --warmup-epochs 0 --per-video 4 --batch 4"
    # shellcheck disable=SC2016 # the sizes of --init are those of the file
    small va-mae-pretrain '--epochs 1 --warmup-epochs 0 --batch 4 --accumulate 1 $sizes' \
        'case " $* " in *" --init "*) sizes= ;; *) sizes="--image 48 --patch 8 --width 16 --depth 1 --heads 2 --decoder-width 16 --decoder-depth 1 --decoder-heads 2" ;; esac'
    # shellcheck disable=SC2016 # a file stands for the camera
    small va-live "" 'for a; do shift; [ "$a" != /dev/video0 ] || a=holiday.mp4; set -- "$@" "$a"; done'
    va-synth -q --videos 5 --test 1 --frames 80 --traps no --seed 6 --crops yes -o given
    cp -r given/cropped_aligned given/VA_Estimation_Challenge/*_Set given/sample_submission.txt .
    # a red square is what make_detector's finds
    ffmpeg -nostdin -v error -i "given/$(awk -F'\t' '$3 ~ /mp4$/ { print $3; exit }' given/inputs.tsv)" \
        -f lavfi -i sine=r=16000:d=2 -vf drawbox=8:8:48:48:red:fill -c:v mpeg4 -q:v 2 -c:a aac holiday.mp4
    va-weights init --arch vit_tiny -o encoder.h5
    make_detector "$PWD/detector.h5"
    export VA_FACES=$PWD/detector.h5
    va-weights export -o plain.safetensors encoder.h5
    mv plain.safetensors mae_pretrain_vit_base.pth # contents tell the format, not the name
}
given_later() {
    case $1 in
    va-decode) cp -r "$(find cropped_aligned -mindepth 1 | sort | head -n 1)" cropped_aligned/person ;;
    va-embed) rm -r cropped_aligned/person ;;
    va-labels)
        mkdir coarse ratings
        va-features info holiday.h5 | awk 'NR == 2 { print "valence,arousal" > "coarse/holiday.txt"
            print "seconds,pleasure,activation" > "ratings/holiday.csv"
            for (i = 0; i < 4 * $6 / $7; i++) {
                print "0.5,-0.25" > "coarse/holiday.txt"
                print i / 4 ",7,3" > "ratings/holiday.csv" } }'
        ;;
    va-ensemble)
        va-predict -q -m model.h5 -o test.pred.h5 features/*.h5
        for f in fold0 fold1 fold2 a.val b.val a.test b.test; do cp val.pred.h5 $f.h5; done
        ;;
    va-jobs) rm -rf out ;; # of va-fold run
    va-smooth) cp holiday.pred.h5 pred.h5 ;;
    va-run) cp holiday.mp4 talk.mp4 ;;
    va-h5cmp) cp model.h5 copy.h5 && cp pred.h5 copy.pred.h5 ;;
    esac
}

# shellcheck disable=SC2030
@test "examples of all tools run as they stand, in the order of a project" {
    given
    export PATH="$PWD/bin:$PATH" FOLDS=0
    export TRAIN_OPTIONS="--channels 8,8 --kernel 3 --layers 1 --epochs 1 --warmup-epochs 0"
    local tools=(faces decode embed hear features pack labels window fold tcn-mamba-train finetune predict live mae-pretrain weights
        ensemble jobs ridge score smooth table plot report overlay run submit synth check h5cmp)
    [ "$(printf "$BUILD/bin/va-%s\n" "${tools[@]}" | sort)" = "$(printf '%s\n' "$BUILD"/bin/*)" ]
    for t in "${tools[@]}"; do
        given_later "va-$t"
        "va-$t" --help | sed '1,/^examples:/d; s/^  //' >examples.sh
        [ -s examples.sh ] || explain "va-$t has none"
        run bash -euo pipefail examples.sh
        [ "$status" -eq 0 ] || explain "va-$t: $output"
    done
    [ "$(head -n 1 holiday.csv)" = frame,time,person,face,confidence,valence,arousal ]
    va-check val.pred.h5 tuned.h5 mae.h5 smooth.h5
}

# shellcheck disable=SC2016,SC2031 # backquotes of Markdown; the tests before had a PATH of their own
@test "mamba-va(7): its examples run as they stand" {
    rm -r features folds
    sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$top/doc/mamba-va.md" >overview.sh
    [ "$(grep -c '^va-' overview.sh)" -ge 8 ]
    PATH="$PWD/bin:$PATH" run bash -euo pipefail overview.sh
    [ "$status" -eq 0 ] || explain "$output"
    [[ $output == *"pooled"* ]]
}
