# Made by `make completions` from the command line of qctl: change that instead.

# What may follow the words $argv[1]: verbs, options, those that take a value, and what stands without an option.
function __qctl_place
    switch $argv[1]
        case ''
            set -g __qctl_verbs 'stats	Show every queue: depth, age, rates, errors, how long jobs wait and run, workers, pauses' 'pause	Hold queues: no job of theirs starts from now on' 'resume	Let paused queues go on' 'clear	Move all that waits in a queue to the trash' 'retry	Run dead letters again: each goes back to the end of its queue' 'monitor	Watch queues, jobs, dead letters and workers live, and act on them by keys' 'up	Run everything here, in the foreground, until Ctrl-C' 'ping	Ask Redis whether it is there' 'health	Tell whether work flows, and what to mend' 'doctor	Look at everything that qctl stands on: what is wrong, why it matters, what mends it' 'backup	Write pauses, schedules, dead letters and the trash to one file, secrets too' 'restore	Put back what a backup holds and is not there' 'check	Judge queues for a monitoring system' 'events	Show what happened to queues, jobs and workers, oldest first' 'audit	Show who changed what, from which host, with which command line, and how it ended' 'job	Jobs of any queue and state' 'dlq	Dead letters: jobs that wait for a person' 'queue	One queue and all its jobs' 'trash	What was cleared, until it is gone for good' 'schedule	What comes at a time' 'worker	Processes that take jobs from queues' 'daemon	The daemons as units of systemd' 'ingest	The way of data into the queues' 'cleanup	Housekeeping, made for cron' 'alert	Rules by which people are told that a queue is bad' 'user	Users of the gateway, and who of them is an admin' 'metrics	What was measured, for people and for Prometheus' 'context	Named settings: which Redis of several' 'config	Settings: what is set, and where'
            set -g __qctl_options '--help	Show help.' '--version	Print the version' '--json	The same as -o json' '--read-only	Refuse to change anything, as QCTL_READ_ONLY=true' '--no-color	No colour, as NO_COLOR=1' '--debug	Show a traceback with an error' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name' '--context	Which Redis of several: see `qctl context list`' '--redis-url	Redis to use' '--home	Folder that holds all state, as QCTL_HOME'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name' '--context=' '--redis-url=' '--home=/'
            set -g __qctl_rest ''
        case 'stats'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--lanes	Lanes in rows of their own: email.high, email, email.low' '--names	What the queues are busy with: jobs by their name' '--json	The same as -o json' '--since	With --names: count runs of the last 1h, at most 2d' '--watch	Show it again every 2s, in place, until Ctrl-C' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--watch=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'pause'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--force	Pause although some workers do not obey a pause' '--create	Pause a queue that had no job yet, too' '--json	The same as -o json' '--reason	Why, for all who look at it' '--for	Resume by itself after: 90s, 30m, 1h30m, 2d' '--timeout	Most to wait for jobs that are just being taken' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--reason=' '--for=' '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'clear'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--purge	Delete for good instead of moving to the trash' '--dry-run	Only tell how many jobs would go' '--json	The same as -o json' '--confirm	The queue\'s name again: no question then' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--canary	Run N first, the others once those have finished well' '--canary-timeout	Most to wait for those' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'monitor'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--web	Serve the monitor, read-only, to one browser on this machine; print its URL' '--allow-actions	With --web: allow changes' '--no-commands	Disable the command line, which runs commands on this machine' '--json	The same as -o json' '--port	With --web: port, default 8787; 0 for any free port' '--record	Also record what is shown to a new file' '--replay	Show a recording instead of a Redis' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--port=' '--record=/' '--replay=/' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'up'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ping'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'health'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'doctor'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--repair	Enqueue orphans again and forget workers that are gone, then look' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'backup'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--force	Write over one that is there' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'restore'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--trust	Take pickled payloads, callbacks and web hooks too: workers obey them' '--dry-run	Only tell what could be read' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'check'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--queue	A queue with its lanes; may be repeated' '-Q	A queue with its lanes; may be repeated' '--max-age	Of the oldest waiting: 60s:300s' '--max-depth	Jobs that wait: 1000:5000' '--max-dead	Dead letters: 1:50' '--max-errors	Runs of the last 5 min that fail: 5%:20%' '--min-workers	Fewer are bad: 2:1' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '-Q=@queue' '--max-age=' '--max-depth=' '--max-dead=' '--max-errors=' '--min-workers=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'events'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--follow	Go on with what happens, a line each, until Ctrl-C' '-f	Go on with what happens, a line each, until Ctrl-C' '--json	The same as -o json' '--queue	Of this queue and its lanes, or a glob' '--event	Only these: finished, dead .' '--job	Of this job' '--trace	Of all jobs of this trace' '--since	Only of the last: 90s, 30m, 1h30m, 2d' '--limit	Show the last N of them' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--event=' '--job=@job' '--trace=' '--since=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'audit'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--actor	Only by these: a part of user@host' '--command	Only this: clear, dlq retry' '--outcome	Only those that ended so: done, refused, failed' '--trace	Only of the request of this id' '--since	Only of the last: 90s, 30m, 1h30m, 2d' '--limit	Show the last N of them' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--actor=' '--command=' '--outcome=' '--trace=' '--since=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job'
            set -g __qctl_verbs 'list	List jobs of any state, the next to run first' 'show	Show all that is known of one job, in whichever queue and state: payload, attempts, events, dependencies' 'enqueue	Make a job, and print its id' 'wait	Wait until a job has finished' 'retry	Run dead letters again: each goes back to the end of its queue' 'cancel	Cancel jobs that wait, are scheduled or deferred: they will not run' 'delete	Move jobs of any state, but running ones, to the trash' 'move	Move jobs to another queue, into the state that they are in' 'stop	Stop a job that runs: it becomes a dead letter' 'edit	Change what a job is called with, and keep what it was called with before' 'export	Write jobs as lines of JSON, whole, with what is secret in them; `job import` brings them back' 'import	Put exported jobs back where they were'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--sort	By since, queue, state, job or id; -since: the other way' '--limit	Most to list' '--offset	Pass over this many' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--sort=' '--limit=' '--offset=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--reveal	Show passwords and tokens too, not ***' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job enqueue'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--data	Its arguments as a JSON object; - reads it from stdin' '--delay	Run it after: 90s, 30m, 2d' '--at	Run it at: 2026-11-22T14:05:00Z' '--priority	1 high, 5 normal, 10 low' '--attempts	Retries after the first run' '--unique	Make none while one of this name and key is remembered' '--owner	Whose job it is' '--trace-id	Trace id of its events; default: $QCTL_TRACE_ID, or a new one' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--data=' '--delay=' '--at=' '--priority=' '--attempts=' '--unique=' '--owner=' '--trace-id=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings'
        case 'job wait'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--timeout	Most to wait' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--canary	Run N first, the others once those have finished well' '--canary-timeout	Most to wait for those' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job cancel'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--purge	Delete for good, not into the trash' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--confirm	The word that --purge asks for: no question then' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job move'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--create	Move to a queue that had no job yet, too' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--to	The queue they go to' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=@queue' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--timeout	Most to wait until it has stopped' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job edit'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--revert	Give back the payload before the first edit' '--retry	Then run the dead letter again' '--reveal	Show passwords and tokens too, not ***' '--json	The same as -o json' '--data	Any of function, args and kwargs; without it, $EDITOR is opened' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--data=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	All of them' '--json	The same as -o json' '--to	Write this file, readable by its owner alone' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job import'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--trust	Take pickled payloads, callbacks and web hooks too: workers obey them' '--dry-run	Only tell which lines would be taken' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'dlq'
            set -g __qctl_verbs 'list	List dead letters, newest first: jobs out of retries, and jobs in quarantine' 'groups	List why jobs died, the most frequent cause first: function, exception, message without its variable parts' 'show	Show one dead letter with its traceback and payload, which is never run or unpickled' 'retry	Run dead letters again: each goes back to the end of its queue' 'discard	Move dead letters to the trash: nobody has to look at them again' 'export	Write dead letters as lines of JSON, whole, with error and traceback, and what is secret in them' 'import	Put exported jobs back where they were'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--limit	Most to list' '--offset	Pass over this many' '--queue	Of queues whose name matches' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--limit=' '--offset=' '--queue=@queue' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq groups'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--reveal	Show passwords and tokens too, not ***' '--json	The same as -o json' '--queue	Only of queues whose name matches' '--scan-limit	Most letters of workers that are not qctl\'s to read; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--reveal	Show passwords and tokens too, not ***' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--canary	Run N first, the others once those have finished well' '--canary-timeout	Most to wait for those' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq discard'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--purge	Delete for good, not into the trash' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--confirm	The word that --purge asks for: no question then' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	All of them' '--json	The same as -o json' '--to	Write this file, readable by its owner alone' '--limit	At most so many, those first that have waited longest' '--queue	Of queues whose name matches' '--state	In this state; also waiting, running, pending, dead' '--job	Of this function or job; a pattern too' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--owner	Of this owner' '--argument	Called with this text in an argument' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=' '--older-than=' '--owner=' '--argument=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq import'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--trust	Take pickled payloads, callbacks and web hooks too: workers obey them' '--dry-run	Only tell which lines would be taken' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'queue'
            set -g __qctl_verbs 'list	Show every queue: depth, age, rates, errors, how long jobs wait and run, workers, pauses' 'show	Show one queue: its lanes, who takes from it, what waits in it by name, and why its jobs died' 'history	Show what happened in a queue and its lanes, as the history keeps it long after Redis forgot' 'move	Move what waits in a queue to the end of another, in its order' 'drain	Hold a queue and wait until what runs has ended' 'delete	Move every job of a queue to the trash, and forget the queue'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'queue list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--lanes	Lanes in rows of their own: email.high, email, email.low' '--names	What the queues are busy with: jobs by their name' '--json	The same as -o json' '--since	With --names: count runs of the last 1h, at most 2d' '--watch	Show it again every 2s, in place, until Ctrl-C' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--watch=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue history'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--since	Of the last: 24h, 30d' '--by	A row for each' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--by=hour,day' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue move'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--back	Only jobs that came from there, of any state: undo a move' '--create	Move to a queue that had no job yet, too' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--json	The same as -o json' '--limit	The first N of them' '--rate	At most so fast: 10/s, 600/m' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--limit=' '--rate=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue drain'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--until-empty	Pause nothing, and wait until nothing waits or runs any more' '--json	The same as -o json' '--timeout	Most to wait: 90s, 30m' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--force	Delete although workers take from it' '--json	The same as -o json' '--confirm	The queue\'s name again: no question then' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'trash'
            set -g __qctl_verbs 'list	List what was cleared and can still come back, newest first' 'restore	Put a batch back to the head of its queue, in the order it had' 'empty	Delete a batch for good, or all of them'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'trash list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'trash restore'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@batch'
        case 'trash empty'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--confirm	The batch, or `trash` for all: no question then' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@batch'
        case 'schedule'
            set -g __qctl_verbs 'list	List what comes at a time, when it came last, and what is not as it should be' 'next	Show the times that come next' 'add	Have a job come by a cron rule, or every so often' 'remove	Forget schedules, or cancel jobs that wait for their time' 'pause	Let schedules or jobs that wait come no more until `schedule resume`' 'resume	Let paused schedules or jobs come again' 'run	Run schedules now, beside their times, or jobs that wait, before their time'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--kind	Only cron, every, rq-scheduler, repeat, retry, once' '--queue	Only of this queue, or of a glob' '--limit	Most jobs to list beside the schedules' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--kind=' '--queue=@queue' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule next'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--queue	Only of this queue, or of a glob' '--count	How many times' '-n	How many times' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--count=' '-n=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule add'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--replace	In the place of one of this name' '--json	The same as -o json' '--cron	Minute, hour, day, month, weekday' '--every	Again and again after: 90s, 30m, 1d' '--timezone	Of the cron rule: Europe/Berlin' '--catch-up	Of times nobody was there for: skip, one or all' '--repeat	End after so many times' '--data	The arguments as one JSON object' '--priority	1 high, 5 normal, 10 low' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--cron=' '--every=' '--timezone=' '--catch-up=' '--repeat=' '--data=' '--priority=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,stock-check,sync-external,welcome-email,write-messages,write-readings'
        case 'schedule remove'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule pause'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule run'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'worker'
            set -g __qctl_verbs 'list	List the workers that live: what each does and since when, its memory, and whether it obeys a pause' 'show	Show one worker: what it runs, since when, how much it did, what it holds' 'quiet	Have workers take nothing new' 'resume	Have quiet workers go on' 'stop	Have workers finish their job and end'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--queue	Only those that take from it, or from a glob' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker quiet'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every worker' '--yes	Do not ask' '-y	Do not ask' '--json	The same as -o json' '--timeout	Most to wait for a job that is just being taken' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every worker' '--yes	Do not ask' '-y	Do not ask' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every worker' '--now	Do not wait for the job that runs: it goes back to its queue' '--yes	Do not ask' '-y	Do not ask' '--json	The same as -o json' '--timeout	Most to wait until they are gone; 0s: not at all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'daemon'
            set -g __qctl_verbs 'list	List the units of qctl: how each is, since when, how often it was started again, what it says' 'status	Show daemons' 'start	Start daemons' 'stop	Stop daemons: each finishes what it has in hand first' 'restart	Stop daemons as `stop` does and start them again, with the settings as they are now' 'logs	Show what daemons logged, by journalctl' 'scale	Have so many workers of a queue, now and after the next start' 'install	Write the units, with the place of this very qctl in them, and have them start with the machine'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon status'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon start'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every daemon' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--timeout	Most to wait until it is done; 0s: not at all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every daemon' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--timeout	Most to wait until it is done; 0s: not at all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon restart'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--all	Every daemon' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--timeout	Most to wait until it is done; 0s: not at all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon logs'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--follow	Go on with what comes, until Ctrl-C' '-f	Go on with what comes, until Ctrl-C' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--lines	The last N lines' '-n	The last N lines' '--since	Only of the last: 90s, 30m, 2d' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--lines=' '-n=' '--since=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon scale'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--user	Units of your own manager, not the machine\'s' '--json	The same as -o json' '--timeout	Most to wait until it is done; 0s: not at all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'daemon install'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--user	Units of your own manager, not the machine\'s' '--print	Only show the files, and write nothing' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest'
            set -g __qctl_verbs 'status	Show each pipeline: rate, buffer, last flush, lag, rejects, and whether its queue is held' 'topics	Show each MQTT topic: rate, counts, last seen, how late its readings come' 'tail	Show what is taken in as it comes, until Ctrl-C' 'push	Take in lines of JSON from stdin or a file, as devices or clients would send them' 'flush	Make batches of all that is in the buffers now, however little that is' 'rejects	What came in and was refused, until somebody acts'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest status'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--watch	Show it again every 2s, in place, until Ctrl-C' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--watch=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest topics'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--sort	seen, rate, received, rejected or lag, largest first' '--limit	Most to list' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--sort=seen,rate,received,rejected,lag' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest tail'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest push'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--topic	That of all readings' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--topic=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'ingest flush'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest rejects'
            set -g __qctl_verbs 'list	List messages and rows that were refused, and batches that died, newest first' 'show	Show one reject: from where it came, what it said, why it was refused' 'retry	Read or write rejects again, once what was wrong with them is mended: a table altered, a limit raised' 'discard	Move rejects to the trash: nobody has to look at them again'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest rejects list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--pipeline	Only of readings, or messages' '--limit	Most to list' '--offset	Pass over this many' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=' '--limit=' '--offset=' '--error=' '--fingerprint=' '--older-than=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest rejects show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--reveal	Show passwords and tokens too, not ***' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'ingest rejects retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--pipeline	Only of readings, or messages' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=' '--rate=' '--limit=' '--error=' '--fingerprint=' '--older-than=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'ingest rejects discard'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell which jobs that would be' '--yes	Do not ask' '-y	Do not ask' '--all	All of them' '--json	The same as -o json' '--pipeline	Only of readings, or messages' '--rate	At most so fast: 10/s, 600/m' '--limit	At most so many, those first that have waited longest' '--error	With this in the error or traceback' '--fingerprint	Dead of this cause: see `qctl dlq groups`' '--older-than	In its state for longer: 90s, 30m, 2d' '--scan-limit	Most jobs to read where no index helps; 0 all' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=' '--rate=' '--limit=' '--error=' '--fingerprint=' '--older-than=' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'cleanup'
            set -g __qctl_verbs 'finished	Delete finished jobs that ended long ago, with their results' 'failed	Move dead letters that died long ago to the trash' 'results	Delete results whose job is gone' 'reports	Delete old reports of this machine' 'exports	Delete old exports, and rows that imports refused' 'images	Delete old images of the chat, on this machine, that no message has any more' 'history	Delete old events of the history' 'trash	Delete what has been in the trash for its time' 'all	All of these with their defaults, as a line of a crontab would'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup finished'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: 24h' '--keep	However old, the newest N of a queue stay' '--queue	Only of these queues, with their lanes; may be repeated' '-Q	Only of these queues, with their lanes; may be repeated' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--keep=' '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup failed'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: 7d' '--keep	However old, the newest N of a queue stay' '--queue	Only of these queues, with their lanes; may be repeated' '-Q	Only of these queues, with their lanes; may be repeated' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--keep=' '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup results'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup reports'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: QCTL_KEEP_REPORTS' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup exports'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: QCTL_KEEP_EXPORTS' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup images'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: QCTL_KEEP_IMAGES' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup history'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--older-than	Default: QCTL_KEEP_HISTORY, 90d' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup trash'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup all'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--dry-run	Only tell what would go' '--json	The same as -o json' '--queue	Only of these queues, with their lanes; may be repeated' '-Q	Only of these queues, with their lanes; may be repeated' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert'
            set -g __qctl_verbs 'list	List the rules: how their queues stand now, which are bad and since when, who is told, who muted them' 'test	Tell everybody whom a rule would tell that this is a test' 'mute	Tell nobody of a rule for some time, or until --off'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert test'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert mute'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--off	Tell of it again' '--json	The same as -o json' '--for	90s, 30m, 1h30m, 2d' '--reason	Why, for all who look at it' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--for=' '--reason=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user'
            set -g __qctl_verbs 'list	List the users of the gateway, the newest first' 'create	Make a user of the gateway' 'promote	Make a user an admin, who may change queues over HTTP' 'demote	Make an admin an ordinary user again, at once' 'remove	Forget a user' 'password	Give a user a new password, which is asked for, or read from stdin'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--role	Only these: user or admin' '--limit	The newest N of them' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--role=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user create'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--admin	Let them do whatever an operator may' '--generate	Make up a password, and print it' '--json	The same as -o json' '--name	Default: the address up to the @' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--name=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user promote'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user demote'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user remove'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--yes	Do not ask' '-y	Do not ask' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user password'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--generate	Make up a password, and print it' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics'
            set -g __qctl_verbs 'show	Show what queues did over time, together: what came and ended, how long jobs waited and ran' 'export	Print everything that is measured, in the text format of Prometheus'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--since	How far back, at most 2d' '--step	Length of a step' '--plot	Draw it instead: depth, rate, wait or run' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--step=' '--plot=depth,rate,wait,run' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'metrics export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--to	Replace this file in one step, and print nothing' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context'
            set -g __qctl_verbs 'list	List the contexts of config.toml, and which of them is chosen' 'show	Show what a context sets, without secrets' 'use	Use a context for every command from now on, where --context and QCTL_CONTEXT name no other'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context use'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--none	Use none of them any more' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config'
            set -g __qctl_verbs 'show	Show every setting with its value and where it comes from' 'check	Say all that is wrong with settings and contexts' 'init	Write a file of all settings with their defaults, commented out, for its owner alone (mode 0600)'
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--changed	Only what is not at its default' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config check'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config init'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show help.' '--force	Write over one that is there' '--json	The same as -o json' '--output	table, json, jsonl, csv or name' '-o	table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
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
