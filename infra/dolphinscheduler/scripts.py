"""The shell scripts of tasks. They call Fairway's API with curl, and take the key from the task's environment.

A task of type HTTP would write the key to its log. A script names only the variable, and passes the key to curl on its
standard input, so that no list of processes shows it. DolphinScheduler replaces `${name}` and `$[...]`, so scripts use
neither, except for parameters of the workflow.
"""

from __future__ import annotations

from functions.schedules import Call

# `call METHOD PATH BODY IDEMPOTENCY_KEY` leaves the response in the file $answer.
PREAMBLE = r"""set -eu
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
call() {
  status=$(printf 'header = "Authorization: Bearer %s"\n' "$FAIRWAY_SCHEDULER_KEY" |
    curl --silent --show-error --max-time 60 --config - --request "$1" --header 'Content-Type: application/json' \
      --header "Idempotency-Key: $4" --data "$3" --output "$answer" --write-out '%{http_code}' "$FAIRWAY_URL$2")
  case "$status" in
    200|201|202) ;;
    *) echo "$1 $2 was answered with $status:"; cat "$answer"; exit 1 ;;
  esac
}
field() { grep -o "\"$1\":\"[^\"]*\"" "$answer" | head -n 1 | cut -d '"' -f 4; }
await_job() {
  job=$(field id)
  while grep -q '"ended_at":null' "$answer"; do
    sleep 5
    call GET "/operations/jobs/$job" '' ''
  done
  cat "$answer"; echo
  test "$(field state)" = done
}
"""


SHOW = 'cat "$answer"; echo'
AUDITED = rf"""{SHOW}
grep -q '"lost":0,' "$answer"
grep -q '"doubled":0,' "$answer"
if grep -q '"balanced":false' "$answer"; then exit 1; fi"""


def of_call(call: Call) -> str:
    """Make a call and wait for its job."""
    path = call.path.replace("{yesterday}", "$day")
    day = "day=$(date --utc --date=yesterday +%F)\n" if path != call.path else ""
    ending = "await_job" if call.kind else AUDITED if path.endswith("/audit") else SHOW
    if call.kind and call.method == "GET":  # 202 while a worker makes what it shows
        ending = f"if test \"$status\" = 202; then await_job; call GET \"{path}\" '' ''; fi\n{SHOW}"
    return f"{PREAMBLE}{day}call {call.method} \"{path}\" '' ''\n{ending}\n"


# DolphinScheduler runs a task in a folder `.../<workflow>_<version>/<run>/<task>`; 3.1 has no parameter for the run. A run
# that goes on after a crash keeps its folder, so that its request is the same one. A new run makes a new request.
OF_RUN = r"""run=$(dirname "$PWD")
run=$(basename "$(dirname "$run")")-$(basename "$run")
"""
PLAN = (
    PREAMBLE
    + OF_RUN
    + r"""body=$(cat <<'END_OF_BODY'
${plan_body}
END_OF_BODY
)
call POST "/datasets/${dataset}/plans" "$body" "reprocess-$run"
plan=$(field id)
while test "$(field state)" = planning; do
  sleep 5
  call GET "/plans/$plan" '' ''
done
cat "$answer"; echo
echo "#{setValue(plan=$plan)}"
"""
)
REPORT_OF_PLAN = f"""{PREAMBLE}call GET "/plans/${{plan}}" '' ''
{SHOW}
test "$(field state)" = applied
"""
IMPORT = (
    PREAMBLE
    + OF_RUN
    + r"""body='{"bucket":"${bucket}","prefix":"${prefix}${day}/"}'
call POST "/datasets/${dataset}/imports" "$body" "import-$run"
await_job
"""
)


def shard(number: int, shards: int) -> str:
    """Apply a shard of the plan that the task before has made, and wait for its end."""
    body = f'{{"shard":{number},"shards":{shards}}}'
    return f"{PREAMBLE}call POST \"/plans/${{plan}}/apply\" '{body}' ''\nawait_job\n"
