# Registers the flows and the clusters with Kestra, and creates the connectors on the cluster global.
set -eu
cd /setup
api=$KESTRA_URL/api/v1/main
case $KESTRA_VERSION in
v1.*) flows="/flows/*.yaml /flows/1.x/*.yaml" ;;
*) flows="/flows/*.yaml /flows/2.x/*.yaml" ;;
esac

kestra() { curl -fsS -o /dev/null -u "$KESTRA_USER" "$@"; }

echo "waiting for Kestra"
kestra --retry 90 --retry-delay 2 --retry-all-errors "$api/flows/search?size=1"

for file in $flows; do
  flow=connect.ferry/$(basename "$file" .yaml)
  if kestra "$api/flows/$flow" 2>/dev/null; then
    kestra -X PUT -H 'Content-Type: application/x-yaml' --data-binary "@$file" "$api/flows/$flow"
  else
    kestra -H 'Content-Type: application/x-yaml' --data-binary "@$file" "$api/flows"
  fi
  echo "flow $flow"
done
kestra -X PUT -H 'Content-Type: text/plain' --data-binary @clusters.json "$api/namespaces/connect.ferry/kv/connect_clusters"

for file in connectors/*.json; do
  name=$(basename "$file" .json)
  # Not if it is there already, on either side: a second copy would send everything again.
  if curl -fs -o /dev/null "http://connect-global:8083/connectors/$name" || curl -fs -o /dev/null "http://connect-europe:8083/connectors/$name"; then
    echo "connector $name is there already"
    continue
  fi
  curl -fsS -o /dev/null -H 'Content-Type: application/json' --data-binary "@$file" http://connect-global:8083/connectors
  echo "connector $name on global"
done
echo "ready: http://localhost:8080"
