# Generated from the command tree of qctl by `make completions`. Do not edit.

# Set the words that may follow the command $argv[1]: verbs, options, options with values, the positional value.
function __qctl_place
    switch $argv[1]
        case ''
            set -g __qctl_verbs 'stats	Show depth, age, rates, errors and workers of every queue' 'pause	Pause queues: no new job starts' 'resume	Resume paused queues' 'clear	Move all waiting jobs of a queue to the trash' 'retry	Run dead letters again, from the end of their queue' 'monitor	Watch queues, jobs and workers live, and act on them' 'ping	Check whether Redis answers' 'health	Check whether jobs are flowing, and what to fix' 'doctor	Diagnose the whole installation, and say what to fix' 'check	Check queues against thresholds, for a monitoring system' 'report	Write a problem as Markdown without secrets, to send' 'memory	Show where Redis\'s memory goes: by use, job and key' 'events	Show events of queues, jobs and workers, oldest first' 'audit	Show who changed what, from where, and how it ended' 'up	Run the whole stack on this machine until Ctrl-C' 'backup	Back up pauses, limits, schedules, dead letters and trash' 'restore	Restore the entries of a backup that Redis lacks' 'help	Show the help of qctl or of a command' 'version	Show the version of qctl' 'job	Manage jobs of any queue and state' 'dlq	Dead letters: failed jobs that need a decision' 'queue	Manage one queue and all its jobs' 'flow	Manage jobs that wait for each other, and groups of jobs' 'limit	Limit rates and concurrency of queues, names and owners' 'note	Write notes on causes and pauses, and acknowledge them' 'trash	Manage the trash: removed jobs that can be restored' 'schedule	Manage scheduled jobs' 'worker	Manage workers: processes that run jobs' 'daemon	Manage the daemons as systemd units' 'ingest	Inspect and control data ingestion' 'cleanup	Delete old jobs, files and events; made for cron' 'mark	Mark deployments on plots' 'alert	Manage alert rules' 'user	Manage users and admins of the gateway' 'metrics	Show metrics, or export them to Prometheus' 'context	Manage contexts: named settings, one for each Redis' 'config	Inspect and check settings'
            set -g __qctl_options '--help	Show this help' '--version	Version of qctl' '--json	JSON output; same as -o json' '--replica	Read from a replica, which may be behind the primary' '--read-only	Refuse commands that change anything; same as QCTL_READ_ONLY=true' '--no-color	No colours; same as NO_COLOR=1' '--debug	Traceback with each error' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name' '--context	Context to use, or `all` in commands that read' '--redis-url	Redis to use' '--home	State directory; same as QCTL_HOME=DIR'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name' '--context=' '--redis-url=' '--home=/'
            set -g __qctl_rest ''
        case 'stats'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--lanes	One row for each lane: email.high, email, email.low' '--names	Jobs by name instead of queues' '--json	JSON output; same as -o json' '--since	Period of --names, at most 2d' '--watch	Interval to refresh until Ctrl-C: 2s' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--watch=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'pause'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	Pause even if some workers ignore a pause' '--create	Accept a queue that has never had a job' '--json	JSON output; same as -o json' '--reason	Reason, shown to everyone' '--for	Time until it resumes by itself: 90s, 30m, 1h30m, 2d' '--timeout	Maximum time to wait for jobs that are being claimed' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--reason=' '--for=' '--timeout=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'clear'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--purge	Delete for good instead of moving to the trash' '--yes	No confirmation' '-y	No confirmation' '--dry-run	Only show how many jobs would be removed' '--json	JSON output; same as -o json' '--confirm	Name of the queue, to skip the question' '--dependents	Jobs that wait for these: cancel, release (enqueue) or keep' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=@queue' '--dependents=cancel,release,keep' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--canary	Number of jobs to run first; the rest follow if these finish' '--canary-timeout	Maximum time to wait for the canaries' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'monitor'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--web	Serve it to one browser on this machine, read-only, and print the URL' '--allow-actions	Allow changes with --web' '--no-commands	Monitor without a command line, for users who may not run commands' '--snapshot	Print one frame and end; needs no terminal' '--json	JSON output; same as -o json' '--port	Port of --web; 0 for any free port' '--record	New file to record the session to' '--replay	Recording to show instead of Redis' '--svg	File to write the frame to, as a picture' '--screen	Screen of the frame: 1 to 9, or L' '--size	Columns and lines of the frame' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--port=' '--record=/' '--replay=/' '--svg=/' '--screen=' '--size=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ping'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'health'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	List also what is well, instead of one line for it' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'doctor'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--repair	First repair what dead workers and lost data left behind' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'check'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Queue with its lanes, or glob; repeatable' '-Q	Queue with its lanes, or glob; repeatable' '--max-age	Maximum age of the oldest waiting job: 60s:300s' '--max-depth	Maximum number of waiting jobs: 1000:5000' '--max-dead	Maximum number of dead letters: 1:50' '--max-errors	Maximum share of failed runs in the last 5 min: 5%:20%' '--min-workers	Minimum number of workers: 2:1' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '-Q=@queue' '--max-age=' '--max-depth=' '--max-dead=' '--max-errors=' '--min-workers=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'report'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--html	An HTML page with plots of the last hour' '--json	JSON output; same as -o json' '--fingerprint	Cause of death' '--queue	Queue name or glob' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--fingerprint=@cause' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'memory'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--sample	Keys to measure; others are estimated' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--sample=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'events'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--follow	Print new events until Ctrl-C' '-f	Print new events until Ctrl-C' '--json	JSON output; same as -o json' '--queue	Queue with its lanes, or glob' '--event	Events: finished, dead, ...; comma-separated' '--job	Id of a job' '--trace	Trace id of jobs' '--since	Maximum age: 90s, 30m, 1h30m, 2d' '--limit	Maximum number of rows, the newest' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--event=' '--job=@job' '--trace=' '--since=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'audit'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--actor	Part of user@host' '--command	Command: clear, dlq retry' '--outcome	Outcome: done, partial, refused, failed' '--trace	Trace id of an HTTP request' '--since	Maximum age: 90s, 30m, 1h30m, 2d' '--limit	Maximum number of rows, the newest' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--actor=' '--command=' '--outcome=' '--trace=' '--since=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'up'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--profile	Defaults of a replaced system: queuecraft, dashboard, chat, sockets, planning' '--scale	Workers of a queue: 4, auto (one per processor), or bounds: 1..4' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--profile=queuecraft,dashboard,chat,sockets,planning' '--scale=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'backup'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	Overwrite an existing file' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'restore'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--trust	Accept pickled payloads, callbacks and webhooks: workers execute them' '--dry-run	Only show what would be restored' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'help'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'stats,pause,resume,clear,retry,monitor,ping,health,doctor,check,report,memory,events,audit,up,backup,restore,help,version,job,dlq,queue,flow,limit,note,trash,schedule,worker,daemon,ingest,cleanup,mark,alert,user,metrics,context,config'
        case 'version'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job'
            set -g __qctl_verbs 'list	List jobs of any state, the next to run first' 'show	Show one job: payload, attempts, events, dependencies' 'logs	Show the last lines that each run logged or printed' 'explain	Explain why a job does not run, and how to change it' 'types	List the jobs that can be enqueued by name, with arguments' 'enqueue	Create a job, and print its id' 'wait	Wait until a job has finished' 'retry	Run dead letters again, from the end of their queue' 'replay	Run copies of finished jobs, from the end of their queue' 'cancel	Cancel waiting, scheduled and deferred jobs' 'delete	Move jobs of any state except running to the trash' 'move	Move jobs to another queue, keeping their state' 'release	Enqueue deferred jobs without waiting for their dependencies' 'stop	Stop a running job: it becomes a dead letter' 'edit	Edit the payload of a job, keeping the original' 'export	Export jobs as JSON lines, which `job import` reads' 'import	Import exported jobs into their queues and states'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--sort	Sort key: since, queue, state, job or id; -since reverses' '--limit	Maximum number of rows' '--offset	Number of rows to skip' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--sort=' '--limit=' '--offset=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--reveal	Passwords and tokens in plain text instead of ***' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job logs'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--follow	Print new lines until the job has ended' '-f	Print new lines until the job has ended' '--json	JSON output; same as -o json' '--attempt	Attempt, as `qctl job show` counts them' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--attempt=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job explain'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job types'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	Also jobs that no running worker would take' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'job enqueue'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--data	Arguments as one JSON object; - reads stdin' '--function	Instead of a name: dotted path of a function, for any RQ worker that can import it' '--args	Positional arguments: \'[1, 2]\'' '--kwargs	Keyword arguments: \'{"n": 1}\'' '--queue	Queue of the function' '--delay	Delay before the run: 90s, 30m, 2d' '--at	Time of the run: 2026-11-22T14:05:00Z' '--priority	Priority: 1 (high) to 10 (low)' '--attempts	Number of retries' '--unique	Deduplication key: no second job with this name and key' '--owner	Owner of the job' '--trace-id	Trace id of its events' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--data=' '--function=' '--args=' '--kwargs=' '--queue=@queue' '--delay=' '--at=' '--priority=' '--attempts=' '--unique=' '--owner=' '--trace-id=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@enqueue'
        case 'job wait'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--canary	Number of jobs to run first; the rest follow if these finish' '--canary-timeout	Maximum time to wait for the canaries' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job replay'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--again	Copy jobs once more that have a copy' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--canary	Number of jobs to run first; the rest follow if these finish' '--canary-timeout	Maximum time to wait for the canaries' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job cancel'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--dependents	Jobs that wait for these: cancel, release (enqueue) or keep' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--dependents=cancel,release,keep' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--purge	Delete for good instead of moving to the trash' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--confirm	The word that --purge asks for, to skip the question' '--dependents	Jobs that wait for these: cancel, release (enqueue) or keep' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--dependents=cancel,release,keep' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job move'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--create	Accept a target queue that has never had a job' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--to	Target queue' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=@queue' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job release'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	End a job whose worker does not answer: it is dead, or cannot be reached' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait until it has stopped' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job edit'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--revert	Restore the payload from before the first edit' '--retry	Then run the dead letter again' '--reveal	Passwords and tokens in plain text instead of ***' '--json	JSON output; same as -o json' '--data	New function, args or kwargs' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--data=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All jobs' '--json	JSON output; same as -o json' '--to	File to write, readable only by its owner' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'job import'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--trust	Accept pickled payloads, callbacks and webhooks: workers execute them' '--dry-run	Only show which lines would be imported' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'dlq'
            set -g __qctl_verbs 'list	List dead letters, newest first' 'groups	Group dead letters by cause, the most frequent first' 'show	Show one dead letter with its traceback and payload' 'retry	Run dead letters again, from the end of their queue' 'discard	Move dead letters to the trash' 'export	Export dead letters as JSON lines, with their tracebacks' 'import	Import exported jobs into their queues and states'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--limit	Maximum number of rows' '--offset	Number of rows to skip' '--queue	Queue name or glob: email, \'email*\'' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--limit=' '--offset=' '--queue=@queue' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq groups'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--reveal	Passwords and tokens in plain text instead of ***' '--json	JSON output; same as -o json' '--queue	Queue name or glob: email, \'email*\'' '--scan-limit	Maximum dead letters of foreign workers to read; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'dlq show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--reveal	Passwords and tokens in plain text instead of ***' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--canary	Number of jobs to run first; the rest follow if these finish' '--canary-timeout	Maximum time to wait for the canaries' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--canary=' '--canary-timeout=' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq discard'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--purge	Delete for good instead of moving to the trash' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--confirm	The word that --purge asks for, to skip the question' '--dependents	Jobs that wait for these: cancel, release (enqueue) or keep' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--dependents=cancel,release,keep' '--rate=' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All jobs' '--json	JSON output; same as -o json' '--to	File to write, readable only by its owner' '--limit	Maximum number of jobs, those that waited longest first' '--queue	Queue name or glob: email, \'email*\'' '--state	State, or waiting, running, pending, dead; comma-separated' '--job	Job name or function; globs allowed' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--owner	Owner of the job' '--argument	Text in one of the arguments' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--limit=' '--queue=@queue' '--state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined' '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--error=' '--fingerprint=@cause' '--older-than=' '--owner=' '--argument=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'dlq import'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--trust	Accept pickled payloads, callbacks and webhooks: workers execute them' '--dry-run	Only show which lines would be imported' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
        case 'queue'
            set -g __qctl_verbs 'list	Show depth, age, rates, errors and workers of every queue' 'ls	Show depth, age, rates, errors and workers of every queue' 'show	Show one queue: lanes, workers, waiting jobs, causes' 'explain	Explain why jobs of a queue do not start, and what to do' 'history	Show the history of a queue with its lanes' 'pause	Pause queues: no new job starts' 'resume	Resume paused queues' 'clear	Move all waiting jobs of a queue to the trash' 'move	Move waiting jobs to the end of another queue, in order' 'drain	Pause a queue and wait until its running jobs have ended' 'delete	Delete a queue, and move all its jobs to the trash'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'queue list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--lanes	One row for each lane: email.high, email, email.low' '--names	Jobs by name instead of queues' '--json	JSON output; same as -o json' '--since	Period of --names, at most 2d' '--watch	Interval to refresh until Ctrl-C: 2s' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--watch=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue ls'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--lanes	One row for each lane: email.high, email, email.low' '--names	Jobs by name instead of queues' '--json	JSON output; same as -o json' '--since	Period of --names, at most 2d' '--watch	Interval to refresh until Ctrl-C: 2s' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--watch=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue explain'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue history'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--since	Period to show: 24h, 30d' '--by	Length of a row' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--by=hour,day' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue pause'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	Pause even if some workers ignore a pause' '--create	Accept a queue that has never had a job' '--json	JSON output; same as -o json' '--reason	Reason, shown to everyone' '--for	Time until it resumes by itself: 90s, 30m, 1h30m, 2d' '--timeout	Maximum time to wait for jobs that are being claimed' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--reason=' '--for=' '--timeout=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue clear'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--purge	Delete for good instead of moving to the trash' '--yes	No confirmation' '-y	No confirmation' '--dry-run	Only show how many jobs would be removed' '--json	JSON output; same as -o json' '--confirm	Name of the queue, to skip the question' '--dependents	Jobs that wait for these: cancel, release (enqueue) or keep' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=@queue' '--dependents=cancel,release,keep' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue move'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--back	Only jobs that were moved from TARGET, of any state: undoes a move' '--create	Accept a target queue that has never had a job' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--limit	Maximum number of jobs, from the head of the queue' '--rate	Maximum rate: 10/s, 600/m' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--limit=' '--rate=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue drain'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--until-empty	Do not pause; wait until no job waits or runs' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait: 90s, 30m' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'queue delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	Delete even if workers listen on the queue' '--json	JSON output; same as -o json' '--confirm	Name of the queue, to skip the question' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=@queue' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'flow'
            set -g __qctl_verbs 'list	List groups of jobs, and trees in which jobs wait' 'show	Draw jobs that wait for each other, and their progress' 'retry	Run a job again, with all that depend on it' 'cancel	Cancel a job with all that depend on it'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'flow list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--limit	Maximum number of rows' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'flow show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'flow retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'flow cancel'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@job'
        case 'limit'
            set -g __qctl_verbs 'set	Limit how many jobs start in a time, and run at once' 'list	List limits with their use, and those that RQ has' 'clear	Lift the limit of a queue, a name or an owner'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'limit set'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--job	Jobs of this name, or function by its dotted path' '--owner	Jobs of this owner' '--rate	Jobs that may start: 5/s, 100/m, 1/30s; none: no limit' '--concurrency	Jobs that may run at once; 0 pauses, none: no limit' '--blackout	No starts then: \'mon-fri 22:00-06:00; sun 00:00-24:00\'; none: lift it' '--timezone	Zone of --blackout: Europe/Berlin' '--reason	Reason, shown to everyone' '--for	Time until it ends by itself: 90s, 30m, 2d' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--owner=' '--rate=' '--concurrency=' '--blackout=' '--timezone=' '--reason=' '--for=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'limit list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'limit clear'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--job	Jobs of this name, or function by its dotted path' '--owner	Jobs of this owner' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' '--owner=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'note'
            set -g __qctl_verbs 'add	Write a note on a cause, pause, schedule or dead letter' 'list	List notes and acknowledgements, newest first' 'delete	Delete a note, and its acknowledgement'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'note add'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--ack	Acknowledge it: no problem and no alert until it grows' '--json	JSON output; same as -o json' '--cause	Cause of dead letters, as dlq groups lists it' '--pause	Pause of a queue' '--schedule	Schedule' '--letter	Dead letter' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--cause=@cause' '--pause=@queue' '--schedule=' '--letter=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'note list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'note delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--cause	Cause of dead letters, as dlq groups lists it' '--pause	Pause of a queue' '--schedule	Schedule' '--letter	Dead letter' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--cause=@cause' '--pause=@queue' '--schedule=' '--letter=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'trash'
            set -g __qctl_verbs 'list	List trash batches that can be restored, newest first' 'restore	Restore a batch, by default the last that you made' 'empty	Permanently delete a batch, or all batches'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'trash list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'trash restore'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@batch'
        case 'trash empty'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--confirm	Id of the batch, or `trash` for all, to skip the question' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--confirm=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@batch'
        case 'schedule'
            set -g __qctl_verbs 'list	List schedules and delayed jobs, with their problems' 'next	Show the next runs' 'add	Add a schedule: a cron rule or an interval' 'edit	Change the times, arguments or policies of a schedule' 'remove	Remove schedules, or cancel scheduled jobs' 'pause	Pause schedules or scheduled jobs' 'resume	Resume paused schedules or scheduled jobs' 'skip	Leave out the next run of schedules' 'blackout	Set windows in which a schedule is not due' 'run	Run schedules or scheduled jobs now' 'backfill	Enqueue the runs of a past span now, one job each'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--kind	Kind: cron, every, rq-scheduler, repeat, retry or once' '--queue	Queue name or glob' '--limit	Maximum number of scheduled jobs beside the schedules' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--kind=' '--queue=@queue' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule next'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Queue name or glob' '--count	Number of runs' '-n	Number of runs' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--count=' '-n=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule add'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--pause-on-failure	Pause the schedule once a run has failed for good' '--replace	Replace an existing schedule of this name' '--json	JSON output; same as -o json' '--cron	Cron rule: minute, hour, day, month, weekday' '--every	Interval between runs: 90s, 30m, 1d' '--timezone	Time zone of --cron: Europe/Berlin' '--catch-up	Runs missed while no scheduler ran: skip, one or all' '--overlap	Runs due before the last one ended: allow, skip, or one waits' '--repeat	Total number of runs' '--data	Arguments as one JSON object' '--priority	Priority: 1 (high) to 10 (low)' '--queue	Queue of a function' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--cron=' '--every=' '--timezone=' '--catch-up=' '--overlap=' '--repeat=' '--data=' '--priority=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings'
        case 'schedule edit'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--pause-on-failure	Pause once a run has failed' '--json	JSON output; same as -o json' '--cron	Cron rule instead of the times so far' '--every	Interval instead: 90s, 30m, 1d' '--timezone	Time zone: Europe/Berlin' '--catch-up	Missed runs: skip, one or all' '--overlap	Runs due too early: allow, skip, or one waits' '--repeat	Number of further runs; 0: endless' '--data	All arguments as one JSON object' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--cron=' '--every=' '--timezone=' '--catch-up=' '--overlap=' '--repeat=' '--data=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule remove'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule pause'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule skip'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule blackout'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--timezone	Zone of the times: Europe/Berlin' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timezone=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'schedule run'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@schedule'
        case 'schedule backfill'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only list the runs' '--json	JSON output; same as -o json' '--since	Begin of the span: 7d ago as 7d, or 2026-11-01' '--until	End of the span' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--until=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker'
            set -g __qctl_verbs 'list	List live workers with their jobs, memory and uptime' 'show	Show one worker: current job, totals, memory, pause' 'quiet	Stop workers from claiming new jobs' 'resume	Let quiet workers claim jobs again' 'stop	Stop workers after their current job' 'pools	List pools of workers with their sizes, and why' 'scale	Set the number of workers of a pool, also after a restart'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--queue	Queue that they listen on, or a glob' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker quiet'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All workers' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait for a job that is being claimed' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker resume'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All workers' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All workers' '--now	Do not wait for running jobs: they return to their queue' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait until they have ended; 0s does not wait' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@worker'
        case 'worker pools'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'worker scale'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--host	Host of the pool' '--timeout	Maximum time to wait until so many run; 0s does not wait' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--host=' '--timeout=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'daemon'
            set -g __qctl_verbs 'list	List the systemd units of qctl' 'status	Show the state of daemons' 'start	Start daemons' 'stop	Stop daemons after their current work' 'restart	Restart daemons after their current work' 'logs	Show the journal of daemons, by default of all' 'scale	Set the number of workers of a queue, also after a reboot' 'install	Write and enable systemd units for this installation'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon status'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon start'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All daemons' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait for completion; 0s does not wait' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon stop'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All daemons' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait for completion; 0s does not wait' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon restart'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--all	All daemons' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait for completion; 0s does not wait' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon logs'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--follow	Print new lines until Ctrl-C' '-f	Print new lines until Ctrl-C' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--lines	Number of last lines' '-n	Number of last lines' '--since	Maximum age of lines: 90s, 30m, 2d' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--lines=' '-n=' '--since=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'daemon scale'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--user	Units of your user manager instead of the system' '--json	JSON output; same as -o json' '--timeout	Maximum time to wait for completion; 0s does not wait' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--timeout=' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'daemon install'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--user	Units of your user manager instead of the system' '--print	Print the files instead of writing them' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest'
            set -g __qctl_verbs 'status	Show rate, buffer, lag, rejects and sources of each pipeline' 'topics	Show rate, counts, last message and lag of each MQTT topic' 'tail	Show items as they arrive, until Ctrl-C' 'push	Ingest JSON lines from stdin or a file, as from a device' 'replay	Put stored items into their pipeline again' 'flush	Flush the buffers into batches now, whatever their size' 'rejects	Manage rejected messages and rows'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest status'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--watch	Interval to refresh until Ctrl-C: 2s' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--watch=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'readings,messages'
        case 'ingest topics'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--sort	Sort key: seen, rate, received, rejected or lag; largest first' '--limit	Maximum number of rows' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--sort=seen,rate,received,rejected,lag' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest tail'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'readings,messages'
        case 'ingest push'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--topic	Topic of all readings' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--topic=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'readings,messages'
        case 'ingest replay'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--from	Database that has them: sqlite, mysql or mongodb' '--since	Only what was measured or sent since: 7d, 2026-11-22' '--until	Only what was measured or sent before' '--topic	Only readings of this topic' '--device	Only readings of this device' '--rate	Maximum rate: 10/s, 600/m' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--from=sqlite,mysql,mongodb' '--since=' '--until=' '--topic=' '--device=' '--rate=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'readings,messages'
        case 'ingest flush'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest 'readings,messages'
        case 'ingest rejects'
            set -g __qctl_verbs 'list	List rejected messages, rows and batches, newest first' 'show	Show one reject: its source, content and reason' 'retry	Process rejects again, after their cause is fixed' 'discard	Move rejects to the trash'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest rejects list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--pipeline	readings or messages' '--limit	Maximum number of rows' '--offset	Number of rows to skip' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=readings,messages' '--limit=' '--offset=' '--error=' '--fingerprint=@cause' '--older-than=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'ingest rejects show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--reveal	Passwords and tokens in plain text instead of ***' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'ingest rejects retry'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--pipeline	readings or messages' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=readings,messages' '--rate=' '--limit=' '--error=' '--fingerprint=@cause' '--older-than=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'ingest rejects discard'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show the jobs that would be affected' '--yes	No confirmation' '-y	No confirmation' '--all	All jobs' '--json	JSON output; same as -o json' '--pipeline	readings or messages' '--rate	Maximum rate: 10/s, 600/m' '--limit	Maximum number of jobs, those that waited longest first' '--error	Text in the error or traceback' '--fingerprint	Cause of death, as shown by `qctl dlq groups`' '--older-than	Minimum time in the current state: 90s, 30m, 2d' '--since	Came into its state since: 2h ago as 2h, or 2026-11-22T14:05Z' '--until	Came into its state before: as --since' '--where	Condition: \'state=failed and name~send and age>1h\'' '--scan-limit	Maximum jobs to read if no index helps; 0 for all' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--pipeline=readings,messages' '--rate=' '--limit=' '--error=' '--fingerprint=@cause' '--older-than=' '--since=' '--until=' '--where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age>' '--scan-limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@dead'
        case 'cleanup'
            set -g __qctl_verbs 'finished	Delete old finished jobs with their results' 'failed	Move old dead letters to the trash' 'results	Delete results without a job' 'reports	Delete old reports on this machine' 'exports	Delete old exports and rejected rows of imports' 'images	Delete images and files here that no chat message uses' 'history	Delete old events from the history' 'trash	Delete expired trash batches for good' 'all	Run all cleanups with their defaults'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup finished'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--keep	Newest jobs of each queue to keep at any age' '--queue	Queue with its lanes, or glob; repeatable' '-Q	Queue with its lanes, or glob; repeatable' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--keep=' '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup failed'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--keep	Newest jobs of each queue to keep at any age' '--queue	Queue with its lanes, or glob; repeatable' '-Q	Queue with its lanes, or glob; repeatable' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--keep=' '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup results'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup reports'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup exports'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup images'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup history'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--older-than	Minimum age: 12h, 7d' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--older-than=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup trash'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'cleanup all'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--dry-run	Only show what would be deleted' '--json	JSON output; same as -o json' '--queue	Queue with its lanes, or glob; repeatable' '-Q	Queue with its lanes, or glob; repeatable' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--queue=@queue' '-Q=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'mark'
            set -g __qctl_verbs 'add	Mark a moment, such as a deployment' 'list	List marks, oldest first' 'delete	Delete the marks with this text'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'mark add'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--at	Time: 20m ago as 20m, or 2026-11-22T14:05' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--at=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'mark list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'mark delete'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert'
            set -g __qctl_verbs 'list	List alert rules and the queues that violate them' 'test	Send a test notification to all channels of a rule' 'mute	Mute a rule: send no notifications'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert test'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'alert mute'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--off	Unmute the rule' '--json	JSON output; same as -o json' '--for	Duration: 90s, 30m, 1h30m, 2d' '--reason	Reason, shown to everyone' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--for=' '--reason=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user'
            set -g __qctl_verbs 'list	List the users of the gateway, newest first' 'create	Create a user of the gateway' 'invite	Make an invitation to sign up at the gateway' 'business	Set the businesses whose jobs a user may request' 'promote	Make a user an admin, who may change queues over HTTP' 'demote	Make an admin an ordinary user, at once' 'remove	Remove a user; jobs stay' 'password	Set the password of a user' 'logout	End all logins of a user, at once'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--role	Role: user or admin' '--limit	Maximum number of rows' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--role=' '--limit=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user create'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--admin	Create an admin, who may change queues over HTTP' '--generate	Generate a password, and print it' '--json	JSON output; same as -o json' '--name	User name' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--name=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user invite'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user business'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--none	Remove the user from all businesses' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user promote'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user demote'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user remove'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user password'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--generate	Generate a password, and print it' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'user logout'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics'
            set -g __qctl_verbs 'show	Show rates, depth, wait and run times over time' 'chat	Show sent, delivered and read chat messages by day' 'export	Export all metrics in the text format of Prometheus' 'reset	Set the counts since counting began to zero'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--since	Period to show, at most 2d' '--step	Length of a step' '--plot	Plot of a metric instead of a table: depth, rate, wait or run' '--queue	Same as the argument QUEUE' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--since=' '--step=' '--plot=depth,rate,wait,run' '--queue=@queue' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '@queue'
        case 'metrics chat'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--days	Days to show, today included, at most 366' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--days=' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics export'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--to	File to replace atomically' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--to=/' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'metrics reset'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--yes	No confirmation' '-y	No confirmation' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context'
            set -g __qctl_verbs 'list	List the contexts of config.toml, and the one in use' 'show	Show the settings of a context, without secrets' 'use	Use a context for all following commands'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context list'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'context use'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--none	Stop using a context' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config'
            set -g __qctl_verbs 'show	Show every setting with its value and origin' 'check	Check settings and contexts, and list all problems' 'init	Write a file of all settings, commented out'
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config show'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--changed	Only settings that differ from their default' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config check'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--json	JSON output; same as -o json' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest ''
        case 'config init'
            set -g __qctl_verbs 
            set -g __qctl_options '--help	Show this help' '--force	Overwrite an existing file' '--json	JSON output; same as -o json' '--profile	Defaults of a replaced system: queuecraft, dashboard, chat, sockets, planning' '--output	Output format: table, json, jsonl, csv or name' '-o	Output format: table, json, jsonl, csv or name'
            set -g __qctl_takes '--profile=queuecraft,dashboard,chat,sockets,planning' '--output=table,json,jsonl,csv,name' '-o=table,json,jsonl,csv,name'
            set -g __qctl_rest '/'
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
