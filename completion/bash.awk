# Completion for bash from `TOOL --help-table`: awk -v tool=va-x -f completion/bash.awk
# A row is command, letter, option, kind of value, words, help; commands and options may repeat.
BEGIN { FS = "\t" }
function add(list, word) { return list (list ? " " : "") word }
$3 == "" { commands = add(commands, $1); next } # a command's own row
{
    verb = $1
    if (!(verb in options))
        verbs[++count] = verb
    options[verb] = add(options[verb], "--" $3)
    if ($4 == "flag")
        next
    name = ($2 ? "-" $2 "|" : "") "--" $3
    reply = $4 == "words" ? "_va_words \"" $5 "\"" : $4 == "dir" ? "compopt -o dirnames" : \
            $4 == "file" ? "compopt -o default" : ":"
    values[verb] = values[verb] sprintf("        %s) %s; return ;;\n", name, reply)
}
END {
    print "# Made from the options of " tool "; do not edit."
    print "_va_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }"
    printf "_%s() {\n", tool
    print "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command="
    print "    COMPREPLY=()"
    print "    [ \"$cur\" = = ] && cur="
    print "    [ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}"
    if (commands) {
        print "    case \" " commands " \" in *\" ${COMP_WORDS[1]} \"*) command=${COMP_WORDS[1]} ;; esac"
        print "    [ \"$COMP_CWORD\" = 1 ] && [[ $cur != -* ]] && _va_words \"" commands "\" && [ ${#COMPREPLY[@]} -gt 0 ] && return"
    }
    print "    case $command in"
    if (!("" in options))
        print "    \"\") [[ $cur = -* ]] && _va_words \"--help --version\" && return ;;"
    for (i = 1; i <= count; i++) {
        printf "    \"%s\")\n        case $prev in\n%s        esac\n", verbs[i], values[verbs[i]]
        printf "        [[ $cur = -* ]] && _va_words \"%s\" && return\n        ;;\n", options[verbs[i]]
    }
    print "    esac\n    compopt -o default\n}"
    printf "complete -F _%s %s\n", tool, tool
}
