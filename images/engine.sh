#!/usr/bin/env bash
# start: installs Docker from Debian's packages where there is none, and starts it where none answers.
# stop: stops the Docker that start started, and no other. `make engine` and `make engine-stop` call it.
set -euo pipefail

pidfile=/run/pinlite-dockerd.pid
log=/var/log/pinlite-dockerd.log
seconds=60

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

answers() {
  docker version >/dev/null 2>&1
}

# Whether what start started still runs: after a restart of the machine its number can be another process's.
ours_runs() {
  [ -f "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = dockerd ]
}

install_docker() {
  command -v apt-get >/dev/null || fail "there is no apt-get to install Docker with" "install it your system's way"
  echo "installing Docker from Debian's packages"
  apt-get update --quiet=2
  # Newer Debians have the command in a package of its own.
  local command
  command=$(apt-cache pkgnames docker-cli | grep -x docker-cli || true)
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends \
    docker.io ca-certificates ${command:+"$command"}
}

start() {
  if answers; then
    echo "Docker answers already"
    return
  fi
  [ "$(id -u)" = 0 ] || fail "only root can install and start Docker" "run it as root, or join the group docker"
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    install_docker
  fi
  # A system with a service manager has started it at the installation.
  if ! answers; then
    launch
  fi
  echo "Docker answers"
}

launch() {
  setsid dockerd >"$log" 2>&1 </dev/null &
  echo $! >"$pidfile"
  for _ in $(seq $((seconds * 2))); do
    if answers; then
      echo "started dockerd; its log is $log; make engine-stop stops it"
      return
    fi
    ours_runs || break
    sleep 0.5
  done
  stop >/dev/null
  tail -n 5 "$log" >&2
  fail "dockerd does not come up" "its whole log is $log; --engine venv needs no Docker"
}

stop() {
  if ! ours_runs; then
    rm -f "$pidfile"
    echo "no Docker of make engine runs"
    return
  fi
  local pid
  pid=$(cat "$pidfile")
  kill "$pid"
  timeout "$seconds" tail --pid "$pid" -f /dev/null || fail "dockerd ($pid) does not end" "its log is $log"
  rm -f "$pidfile"
  echo "stopped dockerd"
}

case "${1:-}" in
  start | stop) "$1" ;;
  *) fail "usage: engine.sh start|stop" "make engine, make engine-stop" ;;
esac
