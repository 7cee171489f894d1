# A page in Markdown as a man page: headings, paragraphs, lists, commands and tables, whose rows
# become tagged paragraphs.
#     awk -v section=5 -v manual="File formats" -f schemas/troff.awk -f schemas/man.awk PAGE.md
function cell(s) {
    sub(/^ +/, "", s)
    sub(/ +$/, "", s)
    return text(s)
}
function line(s) { # a leading dot or quote would be a request
    print (s ~ /^[.']/ ? "\\&" : "") s
}
/^```/ { code = !code; print (code ? ".PP\n.EX" : ".EE"); next }
code { line(text($0)); next }
/^# / {
    split(substr($0, 3), title, " - ")
    printf ".TH %s %s \"\" \"mamba-va\" \"%s\"\n.SH NAME\n%s \\- %s\n", title[1], section, manual, \
        text(title[1]), text(title[2])
    print ".SH DESCRIPTION"
    heading = 1
    next
}
/^## / { print ".SH " toupper(substr($0, 4)); heading = 1; next }
/^\|/ && !table { # its heading row
    table = 1
    objects = /^\| object/
    if (objects && !listed++) # a second table has a heading of its own
        print ".SH OBJECTS"
    next
}
/^\| ---/ { next }
/^\|/ {
    split($0, c, "|")
    printf ".TP\n%s%s\n", objects ? "" : ".B ", cell(c[2])
    if (objects)
        line(cell(c[3]) " [" cell(c[4]) "], " cell(c[5]) ":")
    line(cell(c[objects ? 6 : 3]))
    next
}
/^$/ {
    blank = !heading
    if (table && objects)
        notes = 1
    table = 0
    next
}
{
    if (notes && !heading)
        print ".SH NOTES"
    else if (/^\* /)
        print ".IP \\(bu 2"
    else if (blank)
        print ".PP"
    notes = blank = heading = 0
    sub(/^\* /, "")
    sub(/^  /, "")
    line(text($0))
}
