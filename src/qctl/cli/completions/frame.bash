# HEADER

# Set the words that may follow the command $1: verbs, flags, options with values, and the positional value.
_qctl_place() {
    case $1 in
# TABLE
    esac
}

# Offer the arguments that begin with $typed. Names come from Redis and are never evaluated.
_qctl_match() {
    local word
    for word in "$@"; do
        if [[ $word == "$typed"* ]]; then
            printf -v word %q "$word"
            COMPREPLY+=("${word#"$before"}")
        fi
    done
}

# Offer the values of $1, in the notation of the table. $2 is the program.
_qctl_value() {
    local found=()
    case $1 in
        '') ;;
        /)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            ;;
        @*)
            mapfile -t found < <(_QCTL_NAMES=${1#@} "$2" "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
            _qctl_match "${found[@]}"
            [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
            ;;
        *) _qctl_match ${1//,/ } ;;
    esac
}

_qctl() {
    local program=${1/#\~\//$HOME/} current=$2 typed=${COMP_LINE:0:COMP_POINT} before word pair i path=
    local verbs flags takes rest
    COMPREPLY=()
    # bash splits words at : and =, so that $current may be only the end of the typed word.
    [[ $current == [=:] ]] && current=
    typed=${typed##*[[:space:]]}
    [[ $typed == --*=* ]] && typed=${typed#*=}
    before=${typed%"$current"}
    _qctl_place ''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        for pair in $takes; do
            [[ $pair == "$word="* ]] || continue
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            if ((i + 1 >= COMP_CWORD)); then
                _qctl_value "${pair#*=}" "$program"
                return
            fi
            ((i++))
            continue 2
        done
        if [[ " $verbs " == *" $word "* ]]; then
            path+=${path:+ }$word
            _qctl_place "$path"
        fi
    done
    if [[ $current == -* ]]; then
        _qctl_match $flags $(for pair in $takes; do printf '%s ' "${pair%%=*}"; done)
    elif [[ $verbs ]]; then
        _qctl_match $verbs
    else
        _qctl_value "$rest" "$program"
    fi
}

complete -F _qctl qctl
