#!/bin/sh
# Checks the repositories of distributions for new kernel versions, records them, and prints them.
set -eu

usage() {
  cat <<'END'
usage: check-new-distro-kver.sh [--service NAME | --dsn CONNINFO] [DISTRO...] [-- OPTION...]

Check the repositories of Linux distributions for new kernel versions

Runs "sqern check" for the named distributions, by default for all supported ones. It records new kernel versions in the tables kver
and kver_seen, in one generation. This script prints each kernel version that is new in this run as a line "DISTRO VERSION" on
standard output. Errors and warnings about repositories go to standard error.

Arguments:
  DISTRO           distribution to check, supported or not (repeatable) [default: all supported]
  OPTION           option of "sqern check": --dry-run, --apt-lists, --mirror-base URL, --comment TEXT, ...

Options:
  --service NAME   service of pg_service.conf
  --dsn CONNINFO   connection string or URI
  -h, --help       print this help

Environment:
  PGSERVICE, PGHOST and other variables of libpq specify the database. The configuration file of sqern has no effect.
  SQERN            sqern program, used if PATH does not contain sqern [default: a build in ../target]

Examples:
  check-new-distro-kver.sh
  check-new-distro-kver.sh debian12 alma9 -- --dry-run
  check-new-distro-kver.sh -- --apt-lists

Exit status:
  0  success
  1  failure; new kernel versions from repositories that could be read are recorded and printed
  2  usage error
END
}

name=check-new-distro-kver.sh
fail() { echo "$name: $1" >&2; exit 1; }
usage_error() {
  echo "$name: $1" >&2
  echo "Try \"$name --help\" for more information." >&2
  exit 2
}

# The directory of this file, also if it is called through a symbolic link.
file=$(readlink -f -- "$0") || fail "could not resolve the path of this script: $0"
folder=${file%/*}

# Rotates the arguments: those of this script are removed, and those of sqern check are appended.
service='' dsn='' count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    -h | --help) usage; exit ;;
    --) break ;;
    --service | --dsn)
      [ "$count" -gt 0 ] || usage_error "option $argument requires a value"
      argument=$argument=$1
      shift
      count=$((count - 1))
      ;;
  esac
  case $argument in
    --service=*) service=${argument#*=}; set -- "$@" "$argument" ;;
    --dsn=*) dsn=${argument#*=}; set -- "$@" "$argument" ;;
    -*) usage_error "invalid option \"$argument\"; write the options of sqern check after the argument \"--\"" ;;
    '') usage_error "the name of a distribution cannot be empty" ;;
    *) set -- "$@" "--distro=$argument" ;;
  esac
done
if [ -n "$service" ]; then
  PGSERVICE=$service
  export PGSERVICE
fi

if sqern=$(command -v sqern); then
  :
elif [ -n "${SQERN:-}" ]; then
  sqern=$SQERN
  command -v "$sqern" >/dev/null || fail "could not find the program $sqern, which the variable SQERN specifies"
elif [ -x "$folder/../target/debug/sqern" ]; then
  sqern=$folder/../target/debug/sqern
elif [ -x "$folder/../target/release/sqern" ]; then
  sqern=$folder/../target/release/sqern
else
  fail "could not find the program sqern: it is not in PATH, and the variable SQERN is not set"
fi
command -v psql >/dev/null || fail "could not find the program psql in PATH"
# shellcheck disable=SC1091 # shellcheck checks this file separately
. "$folder/sqern.sh"

# read_report SELECT: runs a query over the JSON report of sqern check, which is the column item of the relation report. PostgreSQL
# parses the report because a POSIX shell cannot. The report is read from standard input because an argument has a maximum length.
read_report() {
  _query=$1
  set --
  if [ -n "$dsn" ]; then set -- -d "$dsn"; fi
  {
    echo "SET LOCAL standard_conforming_strings = on;"
    echo "WITH report AS (SELECT CAST('"
    sed "s/'/''/g" <<END
$report
END
    printf '%s\n' "' AS json) -> 'item' AS item) $_query;"
  } | PGCLIENTENCODING=UTF8 sqern_query "$@" -F ' ' -f -
}

# psql and sqern must use the same database, and psql does not read the configuration file of sqern.
export SQERN_CONFIG=/dev/null

# Without a specified database, sqern uses the private server, but psql does not.
if [ -z "$dsn$service${PGSERVICE:-}${PGHOST:-}${PGHOSTADDR:-}${PGPORT:-}${PGDATABASE:-}" ]; then
  dsn=$("$sqern" local dsn 2>/dev/null) || dsn=''
fi

status=0
report=$("$sqern" check --json "$@") || status=$?
case $report in
  '{'*) ;;
  # No report: sqern has printed an error, or the text that an option such as --help prints.
  *)
    [ -z "$report" ] || printf '%s\n' "$report"
    exit "$status"
    ;;
esac

read_report "
  SELECT distro ->> 'distro', version
  FROM report, json_array_elements(item -> 'distros') WITH ORDINALITY AS distros (distro, position),
    json_array_elements_text(distro -> 'new') WITH ORDINALITY AS new (version, position)
  ORDER BY distros.position, new.position" ||
  fail "could not read the report of sqern check with psql"
# With --json, sqern check prints these messages as a part of the report only.
read_report "
  SELECT regexp_replace(message, '[[:cntrl:]]+', ' ', 'g')
  FROM report, json_array_elements(item -> 'sources') WITH ORDINALITY AS sources (source, position),
    LATERAL (
      SELECT 1, format('warning: %s %s: %s', source ->> 'distro', source ->> 'source', warning)
      FROM json_array_elements_text(source -> 'warnings') AS warnings (warning)
      UNION ALL
      SELECT 2, format('error: %s %s %s: %s', source ->> 'distro', source ->> 'source', source ->> 'state', source ->> 'reason')
      WHERE source ->> 'reason' IS NOT NULL
    ) AS messages (rank, message)
  ORDER BY position, rank" >&2 ||
  fail "could not read the report of sqern check with psql"
exit "$status"
