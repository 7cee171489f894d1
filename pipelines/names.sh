#!/bin/sh
# Names that make and the shell get to see: names.sh COMMAND ARGS...  (for names.mk)
#
#   path VARIABLE VALUE      a path, or nothing
#   words VARIABLE VALUE     paths or words, with blanks between
#   numbers VARIABLE VALUE   whole numbers, none of them twice
#   once VARIABLE VALUE      words, none of them twice
#   folds_option OPTIONS     prints the number after --folds, if it is there
#   files SUFFIX FOLDER...   prints the files FOLDER/<name>SUFFIX
#   labelled FOLDER...       prints the videos of the label files FOLDER/<name>.txt
#   sample FILE              prints the videos of a sample submission
#   folds FILE [COLUMN]      prints the folds of a table with the columns clip (or video), fold, and COLUMN
#   known OVERRIDES FILE...  refuses a variable of the command line that resembles one of the Makefiles, and is none
#   videos FOLDER VALUE      prints a link FOLDER/<name>.<ending> for each video, with ! before it where it has
#                            to be made: VALUE is the path of one, or several with blanks between. Of a folder
#                            of pictures the ending is folder, of an archive zip. The table of another video of that name,
#                            FOLDER/../<name>/<name>.csv, is not replaced. Of several videos, one that cannot
#                            be taken is a - instead
#   listed FOLDER FILE       the same with a file that has a path a line
#   make_links COMMAND ...   makes the links of videos or listed
#   refusals COMMAND ...     says why those with a - are not taken, a line each on standard error, and exit 3
#
# A name passes if it has letters, digits, UTF-8 and . _ + - , @ alone, a path also /, and does not
# begin with -: no character of it means anything to make or to a shell, so that rules and recipes
# need no quotes. Otherwise there is one line that names it, and exit 1.
set -uf
export LC_ALL=C
allowed='letters, digits and . _ + - , @'

# refuse MESSAGE: the last line of the output is what make says
refuse() {
    printf '%s\n' "$1" | tr '\n' ' ' | sed 's/ $//; s/[^ -~]/?/g; s/$/\n/'
    exit 1
}

# plain NAME: whether it passes. (Patterns of bytes beyond ASCII differ from shell to shell: tr knows.)
plain() {
    case $1 in
    '' | -*) return 1 ;;
    *[!A-Za-z0-9._+,@/-]*) [ "$(printf %s "$1" | tr -d 'A-Za-z0-9._+,@/\200-\377-' | wc -c)" -eq 0 ] ;;
    esac
}

path() {
    [ -z "$2" ] || plain "$2" ||
        refuse "$1: cannot use the path '$2': only $allowed are allowed; give it another name (ln -s)"
}

words() { for word in $2; do path "$1" "$word"; done; }

once() {
    twice=$(printf '%s\n' "$2" | tr -s ' \t' '[\n*]' | sed '/^$/d' | sort | uniq -d | head -n 1)
    [ -z "$twice" ] || refuse "$1: '$twice' is there twice"
}

numbers() {
    for word in $2; do
        case $word in *[!0-9]* | 0?* | ?????????????????*) refuse "$1: found '$word', expected a whole number" ;; esac
    done
    once "$1" "$2"
}

# need_name WHERE NAME: a name of a video or file, which is in no folder
need_name() {
    case $2 in */*) false ;; *) plain "$2" ;; esac ||
        refuse "$1: cannot use the name '$2': only $allowed are allowed; rename it"
}

files() {
    suffix=$1
    shift
    for folder; do
        set +f
        for file in "$folder"/*"$suffix"; do
            [ -e "$file" ] || continue
            need_name "$folder" "${file##*/}"
            printf '%s\n' "$file"
        done
        set -f
    done
}

# Names of videos are those of the files without .txt, .mp4, .avi, however many of them.
labelled() {
    found=$(files .txt "$@") || refuse "$(printf '%s\n' "$found" | tail -n 1)"
    found=$(printf '%s\n' "$found" | sed 's|.*/||; :again; s/\.\(txt\|mp4\|avi\)$//; t again' | sort)
    twice=$(printf '%s\n' "$found" | uniq -d | head -n 1)
    [ -z "$twice" ] || refuse "$*: more than one label file for the video $twice"
    printf '%s\n' "$found"
}

sample() {
    [ -r "$1" ] || refuse "SAMPLE: cannot read $1"
    wrong=$(tr -d '\r' <"$1" | sed -n '1{/^image_location,valence,arousal$/!{p;q;};b;}; /^[[:blank:]]*$/b
        /^..*\/[0-9][0-9]*\.jpg\(,\|$\)/!{p;q;}')
    if [ -n "$wrong" ] || [ "$(sed 2q "$1" | wc -l)" -lt 2 ]; then
        refuse "SAMPLE: $1: found '$(printf %.80s "$wrong")', expected the line image_location,valence,arousal and then lines <video>/<NNNNN>.jpg,..."
    fi
    sed -n '2,$s|/[^/]*$||p' "$1" | sort -u | while IFS= read -r video; do
        need_name "$1" "$video"
        printf '%s\n' "$video"
    done
}

folds() {
    [ -r "$1" ] || refuse "FOLDS_TSV: cannot read $1"
    header=$(sed 1q "$1" | tr -d '\r' | tr '\t' ' ')
    for column in fold "clip video" ${2:+"$2"}; do
        case " $header " in *" ${column% *} "* | *" ${column#* } "*) ;; *)
            refuse "$1: line 1: found the columns '$(printf %.80s "$header")', expected clip (or video), fold${2:+ and $2}" ;;
        esac
    done
    tr -d '\r' <"$1" | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fold") c = i; next }
        c { print $c }' | sort -u | sort -n | while IFS= read -r fold; do
        case $fold in '' | *[!0-9]*) refuse "$1: fold '$fold', expected a number" ;; esac
        printf '%s\n' "$fold"
    done
}

known() {
    text=$(printf '%s\n' "$1" | tr '\n\t' '  ')
    shift
    near=$(printf '%s\n' "$text" | awk '
        function distance(a, b,    i, j, n, m, d, l) {
            n = length(a); m = length(b)
            for (i = 0; i <= n; i++) for (j = 0; j <= m; j++) {
                l = i && j ? d[i - 1, j - 1] + (substr(a, i, 1) != substr(b, j, 1)) : i + j
                if (i && j && d[i - 1, j] < l) l = d[i - 1, j] + 1
                if (i && j && d[i, j - 1] < l) l = d[i, j - 1] + 1
                d[i, j] = l
            }
            return d[n, m] }
        NR == 1 { text = $0; next } # blanks in values have a backslash before them
        { setting = /^#   [A-Z]/ || /\?=/ # what people set stands in the head of a file, or has a default
            while (match($0, /[A-Z][A-Z0-9_]+/)) {
                name = substr($0, RSTART, RLENGTH); names[name]; if (setting) settings[name]
                $0 = substr($0, RSTART + RLENGTH)
            } }
        END {
            gsub(/\\ /, "_", text); n = split(text, words, / +/)
            for (i = 1; i <= n; i++) {
                if (words[i] !~ /^[A-Z][A-Z0-9_]+[:+?!]*=/) continue
                name = words[i]; sub(/[:+?!]*=.*/, "", name); l = length(name)
                if (l < 4 || name in names || index(text, "(" name ")") || index(text, "{" name "}")) continue
                least = l < 7 ? 2 : 3
                for (k in settings) if (length(k) > 3 && ((d = distance(name, k)) < least || d == least && k < best)) { least = d; best = k }
                if (best != "") { print name ": no pipeline has this variable, did you mean " best "?"; exit }
            } }' - "$@") || return 0
    [ -z "$near" ] || refuse "$near"
}

folds_option() { printf '%s\n' "$1" | sed -n 's/.*--folds[ =] *\([0-9][0-9]*\).*/\1/p'; }

videos() {
    if [ -e "$2" ]; then
        links "$1" VIDEO "$2"
    else
        links "$1" VIDEO "$(printf '%s\n' "$2" | tr -s ' \t' '[\n*]')"
    fi
}

listed() {
    if [ ! -f "$2" ] || [ ! -r "$2" ]; then refuse "VIDEO_LIST: cannot read the file $2"; fi
    links "$1" "$2" "$(sed "s/$(printf '\r')\$//" "$2")" # without the ends of lines of Windows
}

# called <PATHS: of each path two lines, the name of its link and the path. A video is called as its file,
# without folder and ending. Where two would be called alike, both keep the ending; if that is not enough, the
# folders. Characters that do not pass become _, and where two are still called alike, _ and their codes. So
# names follow from the videos that are given, not from their order.
called() {
    awk 'BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = sprintf("_%02x", i) }
        function plain(s, exact,    i, c, t, utf8) {
            t = s; gsub(/[\302-\337][\200-\277]|[\340-\357][\200-\277][\200-\277]|[\360-\364][\200-\277][\200-\277][\200-\277]/, "", t)
            utf8 = t !~ /[\200-\377]/; t = ""
            for (i = 1; i <= length(s); i++) {
                c = substr(s, i, 1)
                if (c ~ /[A-Za-z0-9_+,@]/ || c ~ /[.-]/ && i > 1 || c ~ /[\200-\377]/ && utf8) t = t c
                else t = t (exact ? code[c] : "_")
            }
            return t }
        $0 != "" && !seen[$0]++ {
            n++; path[n] = whole = $0; level[n] = 1
            sub(/\/+$/, "", whole); file = whole; sub(/.*\//, "", file); sub(/^(\.\/+)+/, "", whole)
            name[n, 4] = plain(whole, 1); sub(/^[.\/]+/, "", whole)
            bare = file; ending[n] = ".video"
            if (match(file, /.\.[^.]+$/)) { bare = substr(file, 1, RSTART); ending[n] = "." plain(substr(file, RSTART + 2)) }
            if (ending[n] == ".folder") ending[n] = ".video"
            name[n, 1] = plain(bare); name[n, 2] = plain(file); name[n, 3] = plain(whole)
        }
        END {
            do {
                again = 0; split("", alike)
                for (i = 1; i <= n; i++) alike[name[i, level[i]]]++
                for (i = 1; i <= n; i++) if (level[i] < 4 && alike[name[i, level[i]]] > 1) { level[i]++; again = 1 }
            } while (again)
            for (i = 1; i <= n; i++) { print name[i, level[i]] ending[i]; print path[i] }
        }'
}

# links FOLDER WHERE PATHS. A link that is right stays, so that its time says when it changed (make -L).
links() {
    where="$2: "
    case $2 in /dev/fd/*) where= ;; esac # a list that no person wrote
    pairs=$(printf '%s\n' "$3" | called)
    twice=$(printf '%s\n' "$pairs" | sed -n 's/\.[^.]*$//p;n' | sort | uniq -d)
    there=$(cd "$1" 2>/dev/null && pwd -P)
    only=
    [ "$(printf '%s\n' "$pairs" | wc -l)" -gt 2 ] || only=yes
    printf '%s\n' "$pairs" | while IFS= read -r link && IFS= read -r video; do
        whole=$video
        case $video in /*) ;; *) whole=$PWD/$video ;; esac
        if [ -d "$whole" ]; then
            link=${link%.*}.folder
        else # archives of pictures are known by this ending
            case $link in *.[Zz][Ii][Pp]) link=${link%.*}.zip ;; esac
        fi
        if why=$(fault "$1" "$link" "$video" "$whole"); then
            one_link "$1" "$link" "$whole"
        elif [ "$only" ]; then
            refuse "$why"
        elif [ "$mode" = tell ]; then
            printf '%s\n' "$why"
        elif [ "$mode" = list ]; then
            echo -
        fi
    done
}

# fault FOLDER LINK PATH WHOLE: why the video with this path cannot be taken, and status 1
fault() {
    name=${2%.*}
    if [ ! -e "$4" ]; then
        refuse "${where}no such file: '$3' (VIDEO is one path, or several with blanks between; VIDEO_LIST is a file with a path a line)"
    elif [ "$twice" ] && printf '%s\n' "$twice" | grep -qxF -e "$name"; then
        refuse "$where$3: more than one video would be called '$name': rename one"
    elif [ "$there" ] && [ "$(cd "$(dirname "$4")" && pwd -P)" = "$there" ]; then
        refuse "$where'$3' lies in $1, where links to the videos are made: name the video itself"
    elif [ "$(readlink "$1/$2")" = "$4" ]; then
        return
    elif [ ! -L "$1/$2" ] && [ -e "$1/$2" ]; then
        refuse "$1/$2: exists and is no link of an earlier run: give another OUT"
    elif [ -e "$1/../$name/$name.csv" ]; then
        refuse "${1%/*}/$name/$name.csv: is not the table of '$4', which would replace it: give another OUT, or remove this table"
    fi
}

# touched VIDEO LINK: whether the video became another one since the link was made: a file that is moved or copied
# to its place may be older than all that was made of the one before.
touched() {
    printf '%s %s\n' "$(stat -Lc %.9Z "$1")" "$(stat -c %.9Y "$2")" | awk '{ exit !($1 > $2) }'
}

# one_link FOLDER LINK VIDEO
one_link() {
    needed=yes
    if [ "$(readlink "$1/$2")" = "$3" ] && ! touched "$3" "$1/$2"; then needed=; fi
    case $mode$needed in
    list) printf '%s\n' "$1/$2" ;;
    listyes) printf '!%s\n' "$1/$2" ;;
    makingyes) { mkdir -p "$1" && ln -sfn "$3" "$1/$2"; } 2>/dev/null || refuse "$1/$2: cannot make this link" ;;
    esac
}

mode=list
make_links() {
    mode=making
    "$@"
}

refusals() {
    mode=tell
    why=$("$@")
    printf '%s\n' "${why:-videos that could not be taken can be now: the same command continues}" >&2
    exit 3
}

if out=$("$@"); then
    [ -z "$out" ] || printf '%s\n' "$out"
else
    code=$?
    [ -z "$out" ] || printf '%s\n' "$out" | tail -n 1
    exit $code
fi
