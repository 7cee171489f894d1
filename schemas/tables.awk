# The tables of the schema pages as a C array: one string per row, its five cells joined by
# tabs, the schema's id first. va_schema.c reads them.
function cell(s) {
    gsub(/`/, "", s)
    sub(/^ +/, "", s)
    sub(/ +$/, "", s)
    return s
}
BEGIN {
    FS = "|"
    print "extern const char *const va_schema_tables[];"
    print "const char *const va_schema_tables[] = {"
}
FNR == 1 { schema = "" }
/^Schema: `/ { schema = substr($0, 10); sub(/`.*/, "", schema) }
/^\| `[@\/]/ {
    printf "    \"%s\\t%s\\t%s\\t%s\\t%s\",\n", schema, cell($2), cell($3), cell($4), cell($5)
}
END { print "    0\n};" }
