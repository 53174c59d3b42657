# HEAD

# What may follow the words $argv[1]: verbs, options, those that take a value, and what stands without an option.
function __qctl_place
    switch $argv[1]
# TABLE
    end
end

# Print what a value may be, as the table says it: $argv[1]. What follows are the words of the line.
function __qctl_value
    switch $argv[1]
        case ''
        case /
            __fish_complete_path (commandline -ct)
        case '@*'
            set -lx _QCTL_NAMES (string sub -s 2 -- $argv[1])
            command $argv[2..] 2>/dev/null
        case '*'
            string split , -- $argv[1]
    end
end

function __qctl
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path
    set -l option # the one whose value comes next
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
