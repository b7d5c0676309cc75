#!/bin/sh
# How outage.txt was recorded, on a host of a lab in which `overlaywatch lab break` has made the outage:
#   script -qc "stty cols 88; ./scripts/overlaywatch lab exec 1 -- sh docs/pictures/outage.sh" outage.txt
# Taken out: script's first and last line and, marked by ..., what dockerd's log said and the engine's known bugs.
set -eu
shown() {
  printf '\033[1m#\033[0m %s\n' "$*"
}
ping_b1() {
  shown docker exec A1 ping -c 10 -q 10.0.0.3
  docker exec A1 ping -c 10 -q 10.0.0.3 | grep transmitted
}
ping_b1
echo
shown overlaywatch doctor
./scripts/overlaywatch doctor || true # 1: something is lost now
echo
shown overlaywatch cleanup --apply
./scripts/overlaywatch cleanup --apply || true # 10: cured and verified
echo
ping_b1
