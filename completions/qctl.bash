# Generated from the command tree of qctl by `make completions`. Do not edit.

# Set the words that may follow the command $1: verbs, flags, options with values, and the positional value.
_qctl_place() {
    case $1 in
        '') verbs='stats pause resume clear retry monitor ping health doctor check report memory events audit up backup restore help version job dlq queue flow limit note trash schedule worker daemon ingest cleanup mark alert user metrics context config' flags='--help --version --json --replica --read-only --no-color --debug' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name --context= --redis-url= --home=/' rest='' ;;
        'stats') verbs='' flags='--help --lanes --names --json' takes='--since= --watch= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'pause') verbs='' flags='--help --force --create --json' takes='--reason= --for= --timeout= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'resume') verbs='' flags='--help --json' takes='--queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'clear') verbs='' flags='--help --purge --yes -y --dry-run --json' takes='--confirm=@queue --dependents=cancel,release,keep --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'retry') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--canary= --canary-timeout= --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'monitor') verbs='' flags='--help --web --allow-actions --no-commands --snapshot --json' takes='--port= --record=/ --replay=/ --svg=/ --screen= --size= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ping') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'health') verbs='' flags='--help --all --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'doctor') verbs='' flags='--help --repair --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'check') verbs='' flags='--help --json' takes='--queue=@queue -Q=@queue --max-age= --max-depth= --max-dead= --max-errors= --min-workers= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'report') verbs='' flags='--help --html --json' takes='--fingerprint=@cause --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'memory') verbs='' flags='--help --json' takes='--sample= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'events') verbs='' flags='--help --follow -f --json' takes='--queue=@queue --event= --job=@job --trace= --since= --limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'audit') verbs='' flags='--help --json' takes='--actor= --command= --outcome= --trace= --since= --limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'up') verbs='' flags='--help --json' takes='--profile=queuecraft,dashboard,chat,sockets,planning --scale= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'backup') verbs='' flags='--help --force --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='/' ;;
        'restore') verbs='' flags='--help --trust --dry-run --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='/' ;;
        'help') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='stats,pause,resume,clear,retry,monitor,ping,health,doctor,check,report,memory,events,audit,up,backup,restore,help,version,job,dlq,queue,flow,limit,note,trash,schedule,worker,daemon,ingest,cleanup,mark,alert,user,metrics,context,config' ;;
        'version') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'job') verbs='list show logs explain types enqueue wait retry replay cancel delete move release stop edit export import' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'job list') verbs='' flags='--help --json' takes='--sort= --limit= --offset= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'job show') verbs='' flags='--help --reveal --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job logs') verbs='' flags='--help --follow -f --json' takes='--attempt= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job explain') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job types') verbs='' flags='--help --all --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'job enqueue') verbs='' flags='--help --json' takes='--data= --function= --args= --kwargs= --queue=@queue --delay= --at= --priority= --attempts= --unique= --owner= --trace-id= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@enqueue' ;;
        'job wait') verbs='' flags='--help --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job retry') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--canary= --canary-timeout= --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job replay') verbs='' flags='--help --again --dry-run --yes -y --all --json' takes='--canary= --canary-timeout= --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job cancel') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--dependents=cancel,release,keep --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job delete') verbs='' flags='--help --purge --dry-run --yes -y --all --json' takes='--confirm= --dependents=cancel,release,keep --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job move') verbs='' flags='--help --create --dry-run --yes -y --all --json' takes='--to=@queue --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job release') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job stop') verbs='' flags='--help --force --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job edit') verbs='' flags='--help --revert --retry --reveal --json' takes='--data= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job export') verbs='' flags='--help --all --json' takes='--to=/ --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'job import') verbs='' flags='--help --trust --dry-run --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='/' ;;
        'dlq') verbs='list groups show retry discard export import' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'dlq list') verbs='' flags='--help --json' takes='--limit= --offset= --queue=@queue --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'dlq groups') verbs='' flags='--help --reveal --json' takes='--queue=@queue --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'dlq show') verbs='' flags='--help --reveal --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'dlq retry') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--canary= --canary-timeout= --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'dlq discard') verbs='' flags='--help --purge --dry-run --yes -y --all --json' takes='--confirm= --dependents=cancel,release,keep --rate= --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'dlq export') verbs='' flags='--help --all --json' takes='--to=/ --limit= --queue=@queue --state=queued,started,scheduled,deferred,finished,failed,canceled,quarantined --job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --error= --fingerprint=@cause --older-than= --owner= --argument= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'dlq import') verbs='' flags='--help --trust --dry-run --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='/' ;;
        'queue') verbs='list ls show explain history pause resume clear move drain delete' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'queue list') verbs='' flags='--help --lanes --names --json' takes='--since= --watch= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue ls') verbs='' flags='--help --lanes --names --json' takes='--since= --watch= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue show') verbs='' flags='--help --json' takes='--queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue explain') verbs='' flags='--help --json' takes='--queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue history') verbs='' flags='--help --json' takes='--since= --by=hour,day --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue pause') verbs='' flags='--help --force --create --json' takes='--reason= --for= --timeout= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue resume') verbs='' flags='--help --json' takes='--queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue clear') verbs='' flags='--help --purge --yes -y --dry-run --json' takes='--confirm=@queue --dependents=cancel,release,keep --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue move') verbs='' flags='--help --back --create --dry-run --yes -y --json' takes='--limit= --rate= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue drain') verbs='' flags='--help --until-empty --json' takes='--timeout= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'queue delete') verbs='' flags='--help --force --json' takes='--confirm=@queue --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'flow') verbs='list show retry cancel' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'flow list') verbs='' flags='--help --json' takes='--limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'flow show') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'flow retry') verbs='' flags='--help --dry-run --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'flow cancel') verbs='' flags='--help --dry-run --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@job' ;;
        'limit') verbs='set list clear' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'limit set') verbs='' flags='--help --json' takes='--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --owner= --rate= --concurrency= --blackout= --timezone= --reason= --for= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'limit list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'limit clear') verbs='' flags='--help --json' takes='--job=alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings --owner= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'note') verbs='add list delete' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'note add') verbs='' flags='--help --ack --json' takes='--cause=@cause --pause=@queue --schedule= --letter= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'note list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'note delete') verbs='' flags='--help --json' takes='--cause=@cause --pause=@queue --schedule= --letter= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'trash') verbs='list restore empty' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'trash list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'trash restore') verbs='' flags='--help --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@batch' ;;
        'trash empty') verbs='' flags='--help --yes -y --json' takes='--confirm= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@batch' ;;
        'schedule') verbs='list next add edit remove pause resume skip blackout run backfill' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'schedule list') verbs='' flags='--help --json' takes='--kind= --queue=@queue --limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'schedule next') verbs='' flags='--help --json' takes='--queue=@queue --count= -n= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule add') verbs='' flags='--help --pause-on-failure --replace --json' takes='--cron= --every= --timezone= --catch-up= --overlap= --repeat= --data= --priority= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='alert-email,bulk-update,cleanup-exports,cleanup-images,cleanup-reports,generate-report,ingest-message,ingest-reading,low-stock-alert,notification-email,notify,password-reset,process-inventory-export,process-inventory-import,process-message,report-ready,set-notification-preference,simulate,stock-check,sync-external,welcome-email,write-messages,write-readings' ;;
        'schedule edit') verbs='' flags='--help --pause-on-failure --json' takes='--cron= --every= --timezone= --catch-up= --overlap= --repeat= --data= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'schedule remove') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule pause') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule resume') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule skip') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule blackout') verbs='' flags='--help --json' takes='--timezone= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'schedule run') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@schedule' ;;
        'schedule backfill') verbs='' flags='--help --dry-run --json' takes='--since= --until= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'worker') verbs='list show quiet resume stop pools scale' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'worker list') verbs='' flags='--help --json' takes='--queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'worker show') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@worker' ;;
        'worker quiet') verbs='' flags='--help --all --yes -y --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@worker' ;;
        'worker resume') verbs='' flags='--help --all --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@worker' ;;
        'worker stop') verbs='' flags='--help --all --now --yes -y --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@worker' ;;
        'worker pools') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'worker scale') verbs='' flags='--help --json' takes='--host= --timeout= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'daemon') verbs='list status start stop restart logs scale install' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon list') verbs='' flags='--help --user --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon status') verbs='' flags='--help --user --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon start') verbs='' flags='--help --all --user --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon stop') verbs='' flags='--help --all --user --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon restart') verbs='' flags='--help --all --user --json' takes='--timeout= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon logs') verbs='' flags='--help --follow -f --user --json' takes='--lines= -n= --since= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'daemon scale') verbs='' flags='--help --user --json' takes='--timeout= --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'daemon install') verbs='' flags='--help --user --print --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ingest') verbs='status topics tail push replay flush rejects' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ingest status') verbs='' flags='--help --json' takes='--watch= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='readings,messages' ;;
        'ingest topics') verbs='' flags='--help --json' takes='--sort=seen,rate,received,rejected,lag --limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ingest tail') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='readings,messages' ;;
        'ingest push') verbs='' flags='--help --json' takes='--topic= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='readings,messages' ;;
        'ingest replay') verbs='' flags='--help --dry-run --yes -y --json' takes='--from=sqlite,mysql,mongodb --since= --until= --topic= --device= --rate= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='readings,messages' ;;
        'ingest flush') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='readings,messages' ;;
        'ingest rejects') verbs='list show retry discard' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ingest rejects list') verbs='' flags='--help --json' takes='--pipeline=readings,messages --limit= --offset= --error= --fingerprint=@cause --older-than= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'ingest rejects show') verbs='' flags='--help --reveal --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'ingest rejects retry') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--pipeline=readings,messages --rate= --limit= --error= --fingerprint=@cause --older-than= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'ingest rejects discard') verbs='' flags='--help --dry-run --yes -y --all --json' takes='--pipeline=readings,messages --rate= --limit= --error= --fingerprint=@cause --older-than= --since= --until= --where=id=,queue=,state=,name=,owner=,worker=,error=,argument=,cause=,age> --scan-limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@dead' ;;
        'cleanup') verbs='finished failed results reports exports images history trash all' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup finished') verbs='' flags='--help --dry-run --json' takes='--older-than= --keep= --queue=@queue -Q=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup failed') verbs='' flags='--help --dry-run --json' takes='--older-than= --keep= --queue=@queue -Q=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup results') verbs='' flags='--help --dry-run --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup reports') verbs='' flags='--help --dry-run --json' takes='--older-than= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup exports') verbs='' flags='--help --dry-run --json' takes='--older-than= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup images') verbs='' flags='--help --dry-run --json' takes='--older-than= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup history') verbs='' flags='--help --dry-run --json' takes='--older-than= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup trash') verbs='' flags='--help --dry-run --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'cleanup all') verbs='' flags='--help --dry-run --json' takes='--queue=@queue -Q=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'mark') verbs='add list delete' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'mark add') verbs='' flags='--help --json' takes='--at= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'mark list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'mark delete') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'alert') verbs='list test mute' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'alert list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'alert test') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'alert mute') verbs='' flags='--help --off --json' takes='--for= --reason= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user') verbs='list create invite business promote demote remove password logout' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user list') verbs='' flags='--help --json' takes='--role= --limit= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user create') verbs='' flags='--help --admin --generate --json' takes='--name= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user invite') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user business') verbs='' flags='--help --none --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user promote') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user demote') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user remove') verbs='' flags='--help --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user password') verbs='' flags='--help --generate --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'user logout') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'metrics') verbs='show chat export reset' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'metrics show') verbs='' flags='--help --json' takes='--since= --step= --plot=depth,rate,wait,run --queue=@queue --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='@queue' ;;
        'metrics chat') verbs='' flags='--help --json' takes='--days= --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'metrics export') verbs='' flags='--help --json' takes='--to=/ --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'metrics reset') verbs='' flags='--help --yes -y --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'context') verbs='list show use' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'context list') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'context show') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'context use') verbs='' flags='--help --none --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'config') verbs='show check init' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'config show') verbs='' flags='--help --changed --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'config check') verbs='' flags='--help --json' takes='--output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='' ;;
        'config init') verbs='' flags='--help --force --json' takes='--profile=queuecraft,dashboard,chat,sockets,planning --output=table,json,jsonl,csv,name -o=table,json,jsonl,csv,name' rest='/' ;;
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
