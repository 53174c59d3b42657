# HEADER

# Set the words that may follow the command $argv[1]: verbs, options, options with values, the positional value.
function __qctl_place
    switch $argv[1]
# TABLE
    end
end

# Print the values of $argv[1], in the notation of the table. The words of the command line follow.
function __qctl_value
    switch $argv[1]
        case ''
        case /
            __fish_complete_path (commandline -ct)
        case '@*'
            set -lx _QCTL_NAMES (string sub -s 2 -- $argv[1])
            set -lx _QCTL_DESCRIBED 1
            command $argv[2..] 2>/dev/null
        case '*'
            string split , -- $argv[1]
    end
end

function __qctl
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path
    set -l option # the option whose value comes next
    __qctl_place ''
    for word in $words[2..]
        if set -q option[1]
            set -e option
            continue
        end
        if string match -q -- "$word=*" $__qctl_takes
            set option $word
        else if string match -q -- "$word"\t'*' $__qctl_verbs
            set -a path $word
            __qctl_place "$path"
        end
    end
    if set -q option[1]
        for pair in $__qctl_takes
            if string match -q -- "$option=*" $pair
                __qctl_value (string replace -r '^[^=]*=' '' -- $pair) $words
            end
        end
    else if string match -q -- '-*' $current
        printf '%s\n' $__qctl_options
    else if set -q __qctl_verbs[1]
        printf '%s\n' $__qctl_verbs
    else
        __qctl_value "$__qctl_rest" $words
    end
end

complete -c qctl -f -a '(__qctl)'
