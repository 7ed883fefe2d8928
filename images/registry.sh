#!/usr/bin/env bash
# start FOLDER PORT: installs a registry from Debian's packages where there is none, and starts it on 127.0.0.1, with its
# content in FOLDER. stop FOLDER: stops the registry that start started. `make registry` and `make registry-stop` call it.
set -euo pipefail

folder=${2:-}
port=${3:-5000}
pidfile=$folder/pid
log=$folder/log
seconds=20

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# Whether what start started still runs: after a restart of the machine its number can be another process's.
ours_runs() {
  [ -f "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = docker-registry ]
}

install_registry() {
  command -v apt-get >/dev/null || fail "there is no apt-get to install a registry with" "install docker-registry your system's way"
  [ "$(id -u)" = 0 ] || fail "only root can install a registry" "run it as root, or install docker-registry first"
  echo "installing docker-registry from Debian's packages"
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends docker-registry
}

start() {
  if ours_runs; then
    echo "the registry runs already"
    return
  fi
  command -v docker-registry >/dev/null || install_registry
  if answers; then
    fail "something answers at 127.0.0.1:$port already" "choose another port: make registry PORT=5050"
  fi
  mkdir -p "$folder"
  cat >"$folder/config.yml" <<CONFIG
version: 0.1
storage:
  filesystem:
    rootdirectory: "$folder/content"
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$port
CONFIG
  OTEL_TRACES_EXPORTER=none setsid docker-registry serve "$folder/config.yml" >"$log" 2>&1 </dev/null &
  echo $! >"$pidfile"
  for _ in $(seq $((seconds * 10))); do
    if ours_runs && answers; then
      echo "started a registry, 127.0.0.1:$port; make registry-stop stops it"
      return
    fi
    sleep 0.1
  done
  stop >/dev/null
  tail -n 5 "$log" >&2
  fail "the registry does not come up" "its whole log is $log"
}

stop() {
  if ! ours_runs; then
    rm -f "$pidfile"
    echo "no registry of make registry runs"
    return
  fi
  local pid
  pid=$(cat "$pidfile")
  kill "$pid"
  timeout "$seconds" tail --pid "$pid" -f /dev/null || fail "the registry ($pid) does not end" "its log is $log"
  rm -f "$pidfile"
  echo "stopped the registry"
}

case "${1:-}" in
  start | stop) "$1" ;;
  *) fail "usage: registry.sh start|stop FOLDER [PORT]" "make registry, make registry-stop" ;;
esac
