# Completion of kubectl-eck for bash 3.2 (macOS) and later. It needs no other package.

_kubectl_eck() {
    # bash splits words at "=" and ":" (COMP_WORDBREAKS), kubectl-eck does not. Join the parts again.
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

    # An alias is not a program; a path is.
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
        # bash completes file names itself.
        if type compopt >/dev/null 2>&1; then
            compopt -o default
        else
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${current#--*=}")
        fi
        return 0
    fi

    # bash replaces the text after the last "=" or ":" at which it split.
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
            # bash inserts this text.
            if [[ -z $quote ]]; then printf -v shown %q "$shown"; fi
        elif [[ $line == *"$tab"* ]]; then
            # bash lists this text; at most it inserts the common start, which is part of the values.
            printf -v shown "%s%$((widest - ${#value}))s  (%s)" "$shown" '' "${line#*"$tab"}"
            if ((${#shown} > ${COLUMNS:-80})); then shown=${shown:0:${COLUMNS:-80} - 2}…; fi
        fi
        COMPREPLY+=("$shown")
    done
}

# Sets REPLY to a word without its quotes. Nothing in it is run or expanded.
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
