# Moves connectors by Kestra's API: starts the flow migrate-connectors, follows it and prints its outputs. Needs curl and jq.
#
#   export KESTRA_URL=http://localhost:8080 KESTRA_USER=name:password
#   sh move.sh start migrate-connectors origin=global target=europe 'connectors=["orders"]'
#
# An execution that waits is answered by its id; its form has the names. This too follows it and prints its outputs:
#
#   sh move.sh resume 4iQ7... decision=APPROVE plan=3a40394a... who=Ann why="I have read the report"
set -eu

api=$KESTRA_URL/api/v1/${KESTRA_TENANT:-main}
kestra() { curl -sS -u "$KESTRA_USER" "$@"; }

what=$1 which=$2
shift 2
# What is left are inputs, one form field each. --form-string, or a value that begins with @ would be the name of a file.
count=$#
while [ "$count" -gt 0 ]; do
  set -- "$@" --form-string "$1"
  shift
  count=$((count - 1))
done

# An answered execution may be shown as PAUSED for a moment; it waits anew only if it has had more states since.
answered=0
case $what in
start)
  begun=$(kestra -f -X POST "$@" "$api/executions/connect.ferry/$which")
  id=$(printf '%s' "$begun" | jq -r .id)
  echo "execution $id"
  ;;
resume)
  id=$which
  before=$(kestra -f "$api/executions/$id")
  answered=$(printf '%s' "$before" | jq '.state.histories | length')
  # The path of Kestra 2.0, then that of 1.3.
  code=$(kestra -o /dev/null -w '%{http_code}' -X POST "$@" "$api/executions/$id/actions/resume")
  if [ "$code" = 404 ]; then
    code=$(kestra -o /dev/null -w '%{http_code}' -X POST "$@" "$api/executions/$id/resume")
  fi
  case $code in
  2*) ;;
  *)
    echo "resume of $id: HTTP $code" >&2
    exit 1
    ;;
  esac
  ;;
*)
  echo "expected start FLOW or resume EXECUTION, got $what" >&2
  exit 2
  ;;
esac

seen=
while :; do
  execution=$(kestra -f "$api/executions/$id")
  state=$(printf '%s' "$execution" | jq -r .state.current)
  states=$(printf '%s' "$execution" | jq '.state.histories | length')
  if [ "$state" != "$seen" ]; then
    echo "$state"
    seen=$state
  fi
  case $state in
  SUCCESS | WARNING | FAILED | KILLED | CANCELLED) break ;;
  PAUSED)
    if [ "$states" -gt "$answered" ]; then
      echo "waits for an answer: sh $0 resume $id ..." >&2
      exit 3
    fi
    ;;
  esac
  sleep 2
done
printf '%s' "$execution" | jq .outputs
[ "$state" = SUCCESS ] || [ "$state" = WARNING ]
