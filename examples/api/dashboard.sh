# Prints what a dashboard file shows. Kestra's API computes each chart from its definition, so nothing has to be stored: Kestra 2.0 stores
# dashboards of one's own in its Enterprise Edition only. Kestra takes the last eight days of what counts executions. Needs curl and jq.
#
#   export KESTRA_URL=http://localhost:8080 KESTRA_USER=name:password
#   sh dashboard.sh flows/dashboards/connect-ferry.yaml
set -eu

api=$KESTRA_URL/api/v1/${KESTRA_TENANT:-main}
file=$1

# chart N prints the definition of the chart with that number, from 1.
chart() { awk -v wanted="$1" '/^  - id: / { number++ } number == wanted { print substr($0, 5) }' "$file"; }

count=$(grep -c '^  - id: ' "$file")
for number in $(seq "$count"); do
  definition=$(chart "$number")
  answer=$(jq -n --arg chart "$definition" '{chart: $chart}' |
    curl -sS -f -u "$KESTRA_USER" -H 'Content-Type: application/json' -d @- "$api/dashboards/charts/preview")
  name=$(printf '%s\n' "$definition" | sed -n 's/^  displayName: //p')
  printf '%s' "$answer" | jq -r --arg name "$name" '
    if (.results | length) == 1 and (.results[0] | keys) == ["value"] then "\($name): \(.results[0].value)"
    else "\($name):", (.results[] | "  " + (to_entries | map("\(.key) \(.value)") | join(", "))) end'
done
