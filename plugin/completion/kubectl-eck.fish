# Completion of kubectl-eck for fish.

function __kubectl_eck_complete
    set -l words (commandline -opc)
    set -l current (string unescape -- (commandline -ct); or commandline -ct)
    # An alias is not a program; a path is.
    set -l program kubectl-eck
    string match -q '*/*' -- "$words[1]"; and set program (string replace -r '^~' $HOME -- $words[1])
    set -l lines ($program __complete $words[2..-1] "$current" </dev/null 2>/dev/null)
    set -l directive $lines[-1]
    set -e lines[-1]

    # In --flag=value only the value is completed, but fish replaces the whole word.
    set -l flag (string match -r -- '^--[^=]*=' "$current")
    if test "$directive" = :0
        set lines (__fish_complete_path (string replace -- "$flag" '' "$current"))
    end
    for line in $lines
        echo -- "$flag$line"
    end
end

complete -c kubectl-eck -e
complete -c kubectl-eck -f -a '(__kubectl_eck_complete)'
