# SPDX-License-Identifier: GPL-2.0
#
# Completion of the gochan command for fish.

set -l commands make rm ls info close send recv select each ps top trace deadlock dead bridge

# ---- where the cursor is ----

function __gochan_no_command
    test (count (commandline -opc)) = 1
end

# The subcommand is one of these.
function __gochan_is
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

# Is there a -- before the cursor?
function __gochan_after_dashes
    contains -- -- (commandline -opc)
end

# The subcommand is one of these, and the cursor is in front of a --.
function __gochan_in
    __gochan_is $argv; and not __gochan_after_dashes
end

# How many arguments are before the cursor that belong to no option; --fd takes the place of one.
function __gochan_count
    set -l words (commandline -opc)
    set -l count 0
    set -l skip no
    for word in $words[3..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case --fd
                set count (math $count + 1)
                set skip yes
            case '--fd=*'
                set count (math $count + 1)
            case --timeout --backoff --cap --size --deliveries --mode --dead --done --resend --output \
                    --pid --capacity --replicas --storage --ack-wait --duplicates --creds --password \
                    --tls-ca --tls-cert --tls-key --config --metrics --log -d -j -o -p -s
                set skip yes
            case -n
                test "$words[2]" = ls; or set skip yes
            case --watch
                test "$words[2]" = ps; or set skip yes
            case '-*'
            case '*'
                set count (math $count + 1)
        end
    end
    echo $count
end

# The subcommand is one of these, and the cursor is at its first argument.
function __gochan_first
    __gochan_in $argv; and test (__gochan_count) = 0
end

# ---- names of channels ----

# What is in /dev/gochans: channels if c is an argument, directories if d is, and their paths
# if path is.
function __gochan_names
    for file in /dev/gochans/*
        set -l name (string replace /dev/gochans/ '' -- $file)
        if test -d $file
            contains d $argv; and echo $name
            contains path $argv; and echo $file/
        else if test -c $file
            contains c $argv; and echo $name
        end
    end
end

# Directories and, if c is an argument, channels on any gochanfs.
function __gochan_paths
    for path in (complete -C "'' "(commandline -ct) | string replace -r '\t.*' '')
        if test -d $path
            echo $path
        else if test -c $path
            contains c $argv; and echo $path
        end
    end
end

# Is the current word a path?
function __gochan_has_slash
    string match -q '*/*' -- (commandline -ct)
end

# Without a slash only channels in /dev/gochans have a name: lead into its directories by path.
function __gochan_channels
    if __gochan_has_slash
        __gochan_paths c
    else if test -n (commandline -ct)
        __gochan_names c path
    else
        __gochan_names c
    end
end

# The argument of make.
function __gochan_new_channel
    if __gochan_has_slash
        __gochan_paths
    else
        __gochan_names path
    end
end

# The argument of ls and top, which may be a directory.
function __gochan_listed
    if __gochan_has_slash
        __gochan_paths c
    else
        __gochan_names c d
    end
end

# ---- other arguments ----

# The shell's descriptors of channels.
function __gochan_descriptors
    for link in /proc/$fish_pid/fd/*
        string match -qr '^/dev/gochan(s/.*)?$' -- (readlink $link); and basename $link
    end
end

# Words separated by commas, the first one perhaps after a +.
function __gochan_columns
    set -l before (commandline -ct | string replace -r '^--output=' '' | string match -r '^.*[,+]')
    printf "$before%s\n" NAME PATH OWNER GROUP UID GID MODE CAP SIZE FLAGS LEN BYTES LEASED STATE \
        WAIT-SEND WAIT-RECV OLDEST SEND-HANDLES RECV-HANDLES SENT RECEIVED SEND-BLOCKED \
        RECV-BLOCKED REQUEUED MAX-DELIVERIES DROPPED DONE ID
end

# The command after --.
function __gochan_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..-1]) (commandline -ct))
end

# ---- the subcommands ----

complete -c gochan -f
complete -c gochan -n 'not __gochan_after_dashes' -s h -l help -d 'Show help'
complete -c gochan -n __gochan_no_command -s V -l version -d 'Print the version'
complete -c gochan -n __gochan_no_command -a make -d 'Create a named channel'
complete -c gochan -n __gochan_no_command -a rm -d 'Remove named channels'
complete -c gochan -n __gochan_no_command -a ls -d 'List the named channels'
complete -c gochan -n __gochan_no_command -a info -d 'Show the state of a channel'
complete -c gochan -n __gochan_no_command -a close -d 'Close a channel: no more messages can be sent'
complete -c gochan -n __gochan_no_command -a send -d 'Send messages from arguments or standard input'
complete -c gochan -n __gochan_no_command -a recv -d 'Receive messages and print them'
complete -c gochan -n __gochan_no_command -a select -d 'Receive from several channels at once'
complete -c gochan -n __gochan_no_command -a each -d 'Run a command for each message'
complete -c gochan -n __gochan_no_command -a ps -d 'List the tasks that are blocked on channels'
complete -c gochan -n __gochan_no_command -a top -d 'Show what passes on the named channels'
complete -c gochan -n __gochan_no_command -a trace -d 'Print what happens on channels'
complete -c gochan -n __gochan_no_command -a deadlock -d 'Find processes that wait for each other forever'
complete -c gochan -n __gochan_no_command -a dead -d 'Print or resend the messages that were given up'
complete -c gochan -n __gochan_no_command -a bridge -d 'Join a channel with those of other machines'
complete -c gochan -n __gochan_no_command -a help -d 'Describe a command'
complete -c gochan -n '__gochan_first help' -a "$commands"

complete -c gochan -n '__gochan_is each trace; and __gochan_after_dashes' -a '(__gochan_command)'

# Arguments.
complete -c gochan -n '__gochan_first make' -a '(__gochan_new_channel)'
complete -c gochan -n '__gochan_first ls top' -a '(__gochan_listed)'
complete -c gochan -n '__gochan_first info close send recv each trace dead bridge' \
    -a '(__gochan_channels)'
complete -c gochan -n '__gochan_in rm select' -a '(__gochan_channels)'
complete -c gochan -n '__gochan_in info; and not __gochan_first info' -a 'name id capacity msg_size \
    flags closed len bytes senders_waiting receivers_waiting send_handles recv_handles sent \
    received send_blocked recv_blocked requeued leased max_deliveries dropped done abi'

# Options of several.
complete -c gochan -n '__gochan_in info close send recv select each trace dead' -l fd -x \
    -a '(__gochan_descriptors)' -d 'Use the channel of an inherited descriptor'
complete -c gochan -n '__gochan_in ls info ps top' -s J -l json -d 'Print JSON'
complete -c gochan -n '__gochan_in send recv select each dead' -l timeout -x -d 'Wait at most so long'
complete -c gochan -n '__gochan_in send recv select dead' -s 0 -l null -d 'Messages end with NUL'
complete -c gochan -n '__gochan_in recv dead' -l raw -d 'Print nothing after messages'
complete -c gochan -n '__gochan_in recv select dead' -s n -x -d 'Stop after so many messages'

complete -c gochan -n '__gochan_in make' -l cap -x -d 'Messages that it can buffer'
complete -c gochan -n '__gochan_in make' -l size -x -d 'Maximum message length'
complete -c gochan -n '__gochan_in make' -l fixed -d 'Every message has exactly that length'
complete -c gochan -n '__gochan_in make' -l hangup -d 'End when the last sender or receiver is gone'
complete -c gochan -n '__gochan_in make' -l mode -x -a '0600 0620 0622 0640 0644 0660 0666' \
    -d Permissions
complete -c gochan -n '__gochan_in make' -l ack -d 'Receivers have to acknowledge messages'
complete -c gochan -n '__gochan_in make' -l deliveries -x -d 'Give up a message after so many'
complete -c gochan -n '__gochan_in make' -l dead -x -a '(__gochan_channels)' \
    -d 'Send there what is given up'
complete -c gochan -n '__gochan_in make' -l done -x -a '(__gochan_channels)' \
    -d 'Tell it of each message that is done'

complete -c gochan -n '__gochan_in rm' -l all -d 'Remove all of your channels'

complete -c gochan -n '__gochan_in ls' -s o -l output -x -a '(__gochan_columns)' -d 'Show these columns'
complete -c gochan -n '__gochan_in ls' -s n -l noheadings -d 'Do not print headings'
complete -c gochan -n '__gochan_in ls' -s r -l raw -d 'Do not align columns'
complete -c gochan -n '__gochan_in ls' -s q -d 'Print only names'

complete -c gochan -n '__gochan_in send' -l whole -d 'Send standard input as one message'

complete -c gochan -n '__gochan_in recv' -l ack -d 'Acknowledge each message once it is printed'
complete -c gochan -n '__gochan_in recv' -l no-ack -d 'Return the messages in the end'

complete -c gochan -n '__gochan_in each' -s j -x -d 'Run so many commands in parallel'
complete -c gochan -n '__gochan_in each' -s k -d 'Stop at the first failure'
complete -c gochan -n '__gochan_in each' -l group -d 'Print the output of a run in one piece'
complete -c gochan -n '__gochan_in each' -l backoff -x -d 'Wait so long before a message is requeued'

complete -c gochan -n '__gochan_in ps' -s p -x -a '(__fish_complete_pids)' -d 'Only tasks of this process'
complete -c gochan -n '__gochan_in ps' -l watch -d 'Print the list again and again'

complete -c gochan -n '__gochan_in top' -l bridges -d 'Show bridges instead of channels'
complete -c gochan -n '__gochan_in top' -s b -d 'Print the table after an interval'
complete -c gochan -n '__gochan_in top' -s n -x -d 'Stop after so many intervals'
complete -c gochan -n '__gochan_in top' -s d -x -d 'Length of an interval'
complete -c gochan -n '__gochan_in top' -s s -x \
    -a 'in out bytes len cap wait-send wait-recv leased held retried duplicates redelivered dead reconnects state mode stream name' \
    -d 'Sort by a column'
complete -c gochan -n '__gochan_in top' -s r -d 'Sort in reverse'

complete -c gochan -n '__gochan_in trace' -l pid -x -a '(__fish_complete_pids)' \
    -d 'Only calls of this process'
complete -c gochan -n '__gochan_in trace' -s o -r -F -d 'Print to a file'

complete -c gochan -n '__gochan_in deadlock' -s q -d 'Print nothing'
complete -c gochan -n '__gochan_in deadlock' -l dot -d 'Print a graph for Graphviz'
complete -c gochan -n '__gochan_in deadlock' -l watch -x -d 'Look again and again'

complete -c gochan -n '__gochan_in dead' -l resend -x -a '(__gochan_channels)' \
    -d 'Send the messages to a channel'

complete -c gochan -n '__gochan_in bridge' -l queue -d 'NAME.send to NAME, by a stream'
complete -c gochan -n '__gochan_in bridge' -l send -d 'NAME to the stream'
complete -c gochan -n '__gochan_in bridge' -l recv -d 'The stream to NAME'
complete -c gochan -n '__gochan_in bridge' -l call -d 'NAME.send to NAME, unbuffered'
complete -c gochan -n '__gochan_in bridge' -l cap -x -d 'Make the channels, with so many slots'
complete -c gochan -n '__gochan_in bridge' -l size -x -d 'Their maximum message length'
complete -c gochan -n '__gochan_in bridge' -l capacity -x -d 'Messages that the stream holds'
complete -c gochan -n '__gochan_in bridge' -l replicas -x -d 'Servers that keep the stream'
complete -c gochan -n '__gochan_in bridge' -l storage -x -a 'file memory' -d 'Where they keep it'
complete -c gochan -n '__gochan_in bridge' -l ack-wait -x -d 'Seconds until it delivers elsewhere'
complete -c gochan -n '__gochan_in bridge' -l duplicates -x -d 'Seconds in which it recognizes them'
complete -c gochan -n '__gochan_in bridge' -l creds -r -F -d Credentials
complete -c gochan -n '__gochan_in bridge' -l password -r -F -d 'A file with USER:PASSWORD'
complete -c gochan -n '__gochan_in bridge' -l tls-ca -r -F -d 'Certificates that are trusted'
complete -c gochan -n '__gochan_in bridge' -l tls-cert -r -F -d 'The certificate to show'
complete -c gochan -n '__gochan_in bridge' -l tls-key -r -F -d 'Its key'
complete -c gochan -n '__gochan_in bridge' -l config -r -F -d 'Bridge the channels of a file'
complete -c gochan -n '__gochan_in bridge' -l metrics -r -F -d 'Write counters to a file'
complete -c gochan -n '__gochan_in bridge' -l once -d 'End when nothing is left to move'
complete -c gochan -n '__gochan_in bridge' -l log -x -a 'text json' -d 'Format of the log'
complete -c gochan -n '__gochan_in bridge' -s v -l verbose -d 'Log more'
complete -c gochan -n '__gochan_in bridge' -s V -l version -d 'Print the version'
