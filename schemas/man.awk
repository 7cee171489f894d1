# A schema page as a man page of section 5: headings, paragraphs and the table, whose rows
# become tagged paragraphs.
function text(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    while (match(s, /`[^`]*`/))
        s = substr(s, 1, RSTART - 1) "\\fB" substr(s, RSTART + 1, RLENGTH - 2) "\\fR" \
            substr(s, RSTART + RLENGTH)
    return s
}
function cell(s) {
    sub(/^ +/, "", s)
    sub(/ +$/, "", s)
    return text(s)
}
function line(s) { # a leading dot or quote would be a request
    print (s ~ /^[.']/ ? "\\&" : "") s
}
/^# / {
    split(substr($0, 3), title, " - ")
    printf ".TH %s 5 \"\" \"mamba-va\" \"File formats\"\n.SH NAME\n%s \\- %s\n", title[1], title[1], \
        text(title[2])
    print ".SH DESCRIPTION"
    next
}
/^## / { print ".SH " toupper(substr($0, 4)); next }
/^\| (object|---) / { if (/^\| object/) print ".SH OBJECTS"; after = "NOTES"; next }
/^\|/ {
    split($0, c, "|")
    printf ".TP\n%s\n", cell(c[2])
    line(cell(c[3]) " [" cell(c[4]) "], " cell(c[5]) ":")
    line(cell(c[6]))
    next
}
/^$/ { blank = 1; next }
{
    if (after) { print ".SH " after; after = "" } else if (blank) print ".PP"
    blank = 0
    line(text($0))
}
