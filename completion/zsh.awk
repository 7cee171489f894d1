# Completion for zsh from `TOOL --help-table`: awk -v tool=va-x -f completion/zsh.awk
# A row is command, letter, option, kind of value, words, help; commands and options may repeat.
BEGIN { FS = "\t" }
function plain(s) { gsub(/[][\\:']/, "", s); return s } # of text, without what _arguments reads
$3 == "" { commands = commands " '" $1 ":" plain($6) "'"; next } # a command's own row
{
    if (!($1 in specs))
        verbs[++count] = $1
    action = $4 == "words" ? ":" $3 ":(" $5 ")" : $4 == "dir" ? ":folder:_files -/" : \
             $4 == "file" ? ":file:_files" : $4 == "value" ? ":value: " : ""
    help = "[" plain($6) "]" action "'"
    names = $4 == "flag" ? "--" $3 : "--" $3 "="
    spec = $2 ? "'*'{-" $2 ($4 == "flag" ? "" : "+") "," names "}'" help : "'*" names help
    specs[$1] = specs[$1] " \\\n        " spec
}
END {
    print "#compdef " tool
    print "# Made from the options of " tool "; do not edit."
    print "local command="
    if (commands) {
        print "local -a verbs=(" commands " )"
        print "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then"
        print "    _describe command verbs" (("" in specs) ? "" : "; return")
        print "fi"
        print "if (( CURRENT > 2 )) && (( ${verbs[(I)$words[2]:*]} )); then"
        print "    command=$words[2]; shift words; (( CURRENT-- ))"
        print "fi"
    }
    print "case $command in"
    for (i = 1; i <= count; i++)
        printf "'%s')\n    _arguments -s%s \\\n        '*:file:_files' ;;\n", verbs[i], specs[verbs[i]]
    print "esac"
}
