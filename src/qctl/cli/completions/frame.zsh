#compdef qctl
# HEADER

# Set the words that may follow the command $1: verbs, options, options with values, the positional value.
_qctl_place() {
  case $1 in
# TABLE
  esac
}

# Offer the values of $1, in the notation of the table.
_qctl_value() {
  case $1 in
    ('') _message 'a value' ;;
    (/) _files ;;
    (@*)
      local -a found suffix
      found=(${(f)"$(_QCTL_DESCRIBED=1 _QCTL_NAMES=${1#@} ${(Q)words[1]} ${(Q)words[2,CURRENT-1]} 2>/dev/null)"})
      found=(${${found//:/\\:}/$'\t'/:})
      [[ $found == *=* ]] && suffix=(-S '')
      (( $#found )) && _describe value found $suffix ;;
    (*) compadd -- ${(s:,:)1} ;;
  esac
}

_qctl() {
  local -a verbs options
  local -A takes
  local rest where word
  integer i
  _qctl_place ''
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if (( ${+takes[$word]} )); then
      if ((i + 1 == CURRENT)); then
        _qctl_value "${takes[$word]}"
        return
      fi
      ((i++))
    elif (( ${verbs[(I)$word:*]} )); then
      where+=${where:+ }$word
      _qctl_place $where
    fi
  done
  if [[ ${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (( $#verbs )); then
    _describe command verbs
  else
    _qctl_value $rest
  fi
}

_qctl "$@"
