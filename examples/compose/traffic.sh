# Appends "order 1", "order 2" and so on to orders.txt, one each second, and goes on where it was after a restart.
set -eu
cd "${1:-/data}"
touch orders.txt delivered.txt
chmod 666 orders.txt delivered.txt   # the workers run as another user
last=$(wc -l <orders.txt)
while :; do
  last=$((last + 1))
  echo "order $last" >>orders.txt
  sleep 1
done
