# The rows of doc/pages.md for one tool, as sections of its man page; SEE ALSO is one line.
#     awk -v tool=va-x -f schemas/troff.awk -f doc/pages.awk doc/pages.md
BEGIN { FS = " *\\| *" }
/^\| (tools|---)/ || !/^\|/ { next }
$2 != "*" && !index(" " $2 " ", " " tool " ") { next }
{ rows[$3] = rows[$3] ($3 == "SEE ALSO" ? (rows[$3] ? ", " : "") text($4) : ".TP\n.B " text($4) "\n" text($5) "\n") }
END {
    printf ".SH ENVIRONMENT\n%s.SH FILES\n%s.SH SEE ALSO\n%s\n", rows["ENVIRONMENT"], rows["FILES"], rows["SEE ALSO"]
}
