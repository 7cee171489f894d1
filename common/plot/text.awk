# Text files as strings of C: page.css becomes va_page_css, in lines of its own.
function quote(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "    \"" s "\\n\""
}
FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\./, "_", name)
    if (NR > 1) print ";"
    else print "#include \"plot/va_page_text.h\"\n"
    print "const char va_" name "[] ="
}
{ print quote($0) }
END { print ";" }
