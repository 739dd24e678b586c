#!/bin/sh
# Becomes the given command, with MASTER_KEY read from the file that MASTER_KEY_FILE names: a key in a file does not show in
# the container's settings.
set -eu
if [ -n "${MASTER_KEY_FILE:-}" ]; then
  if [ ! -r "$MASTER_KEY_FILE" ]; then
    echo "MASTER_KEY_FILE: $MASTER_KEY_FILE cannot be read by user $(id -u)" >&2
    exit 1
  fi
  MASTER_KEY=$(cat "$MASTER_KEY_FILE")
  export MASTER_KEY
  unset MASTER_KEY_FILE
fi
exec "$@"
