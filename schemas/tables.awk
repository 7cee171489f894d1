# The tables of the schema pages as a C array of lines.
BEGIN {
    print "extern const char *const va_schema_tables[];"
    print "const char *const va_schema_tables[] = { 0 };"
}
