# Completion of kubectl-eck for bash, also for the bash 3.2 of macOS. It needs no other package.

_kubectl_eck() {
    # bash takes "=" and ":" for ends of words (COMP_WORDBREAKS), and kubectl-eck does not: what stands
    # together in the line is put together again.
    local words=() rest=$COMP_LINE word blank index REPLY
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        blank=${rest%%[![:space:]]*}
        rest=${rest#"$blank"}
        if ((index == COMP_CWORD)); then word=${rest:0:COMP_POINT - (${#COMP_LINE} - ${#rest})}; fi
        if [[ -n $blank || ${#words[@]} -eq 0 ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        rest=${rest#"$word"}
    done

    local current=${words[${#words[@]} - 1]} quote=
    case $current in [\"\']*) quote=${current:0:1} ;; esac
    for ((index = 0; index < ${#words[@]}; index++)); do
        _kubectl_eck_unquote "${words[index]}"
        words[index]=$REPLY
    done
    current=${words[${#words[@]} - 1]}

    # An alias is no program; a path is the one that was meant.
    local program=kubectl-eck
    case ${words[0]} in */*) program=${words[0]/#\~/$HOME} ;; esac
    local line lines=()
    while IFS= read -r line; do
        lines+=("$line")
    done < <("$program" __complete "${words[@]:1}" </dev/null 2>/dev/null)
    ((${#lines[@]} > 0)) || return 0
    local directive=${lines[${#lines[@]} - 1]}
    unset "lines[${#lines[@]} - 1]"

    if [[ $directive == :0 ]]; then
        # Names of files: bash itself completes them best.
        if type compopt >/dev/null 2>&1; then
            compopt -o default
        else
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${current#--*=}")
        fi
        return 0
    fi

    # What bash replaces is what follows the last "=" or ":" that it took for the end of a word.
    local taken=
    if [[ $current == --*=* ]]; then
        if [[ $COMP_WORDBREAKS == *=* ]]; then current=${current#*=}; else taken=${current%%=*}=; fi
    fi
    local colons=
    if [[ -z $quote && $COMP_WORDBREAKS == *:* && $current == *:* ]]; then colons=${current%"${current##*:}"}; fi

    local tab=$'\t' value shown widest=0
    for line in ${lines[@]+"${lines[@]}"}; do
        value=${line%%"$tab"*}
        if ((${#value} > widest)); then widest=${#value}; fi
    done
    for line in ${lines[@]+"${lines[@]}"}; do
        value=${line%%"$tab"*}
        shown=$taken${value#"$colons"}
        if ((${#lines[@]} == 1)) || [[ $COMP_TYPE == 37 || $COMP_TYPE == 42 ]]; then
            # This goes into the line as it is.
            if [[ -z $quote ]]; then printf -v shown %q "$shown"; fi
        elif [[ $line == *"$tab"* ]]; then
            # This is only looked at, unless all begin alike; and what they begin with are the values.
            printf -v shown "%s%$((widest - ${#value}))s  (%s)" "$shown" '' "${line#*"$tab"}"
            if ((${#shown} > ${COLUMNS:-80})); then shown=${shown:0:${COLUMNS:-80} - 2}…; fi
        fi
        COMPREPLY+=("$shown")
    done
}

# Sets REPLY to a word without the quotes that it was typed with. Nothing in it is run or expanded.
_kubectl_eck_unquote() {
    local text=$1 quote= char
    REPLY=
    while [[ -n $text ]]; do
        char=${text:0:1}
        text=${text:1}
        case $quote$char in
            \\ | \"\\)
                REPLY+=${text:0:1}
                text=${text:1}
                ;;
            \' | \") quote=$char ;;
            \'\' | \"\") quote= ;;
            *) REPLY+=$char ;;
        esac
    done
}

complete -F _kubectl_eck kubectl-eck
