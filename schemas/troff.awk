# Text of Markdown for troff: code in bold, of links the words.
function text(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    while (match(s, /\]\([^)]*\)/))
        s = substr(s, 1, RSTART - 1) substr(s, RSTART + RLENGTH)
    gsub(/\[/, "", s)
    while (match(s, /`[^`]*`/))
        s = substr(s, 1, RSTART - 1) "\\fB" substr(s, RSTART + 1, RLENGTH - 2) "\\fR" \
            substr(s, RSTART + RLENGTH)
    return s
}
