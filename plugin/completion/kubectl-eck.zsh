#compdef kubectl-eck
# Completion of kubectl-eck for zsh. Source it after compinit, or save it as _kubectl-eck in a directory of
# $fpath.

_kubectl-eck() {
    local -a lines candidates
    local line directive value description program=kubectl-eck
    # An alias is not a program; a path is.
    if [[ $words[1] == */* ]]; then program=${(Q)words[1]/#\~/$HOME}; fi
    # Pass the words up to the cursor without their quotes. Nothing in them is expanded.
    lines=("${(@f)$($program __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" </dev/null 2>/dev/null)}")
    directive=$lines[-1]
    lines[-1]=()

    # In --flag=value only the value is completed.
    if [[ $PREFIX == --*=* ]]; then compset -P 1 '*='; fi
    if [[ $directive == :0 ]]; then
        _files
        return
    fi
    for line in $lines; do
        value=${line%%$'\t'*}
        description=${${line#$value}#$'\t'}
        candidates+=("${value//:/\\:}${description:+:$description}")
    done
    _describe -t values 'kubectl-eck' candidates
}

if [[ $funcstack[1] == _kubectl-eck ]]; then
    _kubectl-eck "$@"
elif (( $+functions[compdef] )); then
    compdef _kubectl-eck kubectl-eck
fi
