# Compares what was sent with what was delivered. Orders later than the last one delivered are on their way.
set -eu
cd "${1:-/data}"
sent=$(wc -l <orders.txt)
awk -v sent="$((sent))" '
  { if (seen[$2]++) twice++; if ($2 + 0 > last) last = $2 + 0 }
  END {
    for (order = 1; order <= last; order++) if (!(order in seen)) lost++
    printf "%d orders sent, %d on their way, %d lost, %d delivered twice\n", sent, sent - last, lost, twice
    exit lost + twice > 0
  }' delivered.txt
