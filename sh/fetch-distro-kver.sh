#!/bin/sh
# Fetches the development packages of kernel versions that were seen upstream, and records these versions in kver_fetched.
set -eu

usage() {
  cat <<'END'
usage: fetch-distro-kver.sh [--fetcher PROGRAM | --command CMD] [--service NAME | --dsn CONNINFO] [DISTRO...] [-- OPTION...]

Fetch the development packages of new kernel versions

Runs "sqern fetch" for the kernel versions in the table kver_seen that are not in kver_fetched, not ignored and not archived. It
fetches their header packages, proves them by compiling a module, and inserts the kernel versions into kver_fetched, in one
generation. Another program can fetch in its place; selection, locks, proof and records remain those of "sqern fetch".

Arguments:
  DISTRO             fetch for this distribution only (repeatable) [default: all]
  OPTION             option of "sqern fetch": --limit N, --kernel VERSION, --store DIR, --no-prove, --dry-run, ...

Options:
  --fetcher PROGRAM  program that fetches: sqern, kernq, or another with the arguments of kernq [default: $SQERN_FETCHER, sqern]
  --command CMD      shell command that fetches one kernel version
  --service NAME     service of pg_service.conf
  --dsn CONNINFO     connection string or URI
  -h, --help         print this help

--fetcher kernq is the same as --command 'kernq fetch "$SQERN_DISTRO" "$SQERN_VERSION" --to "$SQERN_TREE"'. If your version of kernq
has other arguments, use --command. The command runs once for each kernel version, in an empty directory. It must write the
headers to this directory. "build" must be the directory that contains the Makefile of the kernel. The environment contains:
  SQERN_DISTRO       distribution, such as debian12
  SQERN_VERSION      kernel version, such as 6.1.0-25-amd64
  SQERN_TREE         path of the directory

Environment:
  PGSERVICE, PGHOST and other variables of libpq specify the database.
  SQERN_FETCHER      program that fetches, as in --fetcher
  SQERN_STORE        directory of fetched headers
  SQERN              sqern program, used if PATH does not contain sqern [default: a build in ../target]

Examples:
  fetch-distro-kver.sh debian12 -- --limit 3
  fetch-distro-kver.sh --fetcher kernq
  fetch-distro-kver.sh --command 'my-fetcher "$SQERN_DISTRO" "$SQERN_VERSION" "$SQERN_TREE"' -- --no-prove

Exit status:
  0  success
  1  failure; kernel versions that were fetched are recorded
  2  usage error
END
}

name=fetch-distro-kver.sh
fail() { echo "$name: $1" >&2; exit 1; }
usage_error() {
  echo "$name: $1" >&2
  echo "Try \"$name --help\" for more information." >&2
  exit 2
}

# The directory of this file, also if it is called through a symbolic link.
file=$(readlink -f -- "$0") || fail "could not resolve the path of this script: $0"
folder=${file%/*}

# Rotates the arguments: those of this script are removed, and those of sqern fetch are appended.
fetcher='' command='' count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    -h | --help) usage; exit ;;
    --) break ;;
    --fetcher | --command | --service | --dsn)
      [ "$count" -gt 0 ] || usage_error "option $argument requires a value"
      argument=$argument=$1
      shift
      count=$((count - 1))
      ;;
  esac
  case $argument in
    --fetcher= | --command=) usage_error "option ${argument%=} requires a value" ;;
    --fetcher=*) fetcher=${argument#*=} ;;
    --command=*) command=${argument#*=} ;;
    --service=* | --dsn=*) set -- "$@" "$argument" ;;
    -*) usage_error "invalid option \"$argument\"; write the options of sqern fetch after the argument \"--\"" ;;
    '') usage_error "the name of a distribution cannot be empty" ;;
    *) set -- "$@" "--distro=$argument" ;;
  esac
done
[ -z "$fetcher" ] || [ -z "$command" ] || usage_error "options --fetcher and --command cannot be used together"

if [ -z "$command" ]; then
  : "${fetcher:=${SQERN_FETCHER:-sqern}}"
  if [ "$fetcher" != sqern ]; then
    command -v -- "$fetcher" >/dev/null || fail "could not find the fetcher \"$fetcher\"; use --command for a program with arguments"
    # The command runs in a different directory.
    case $fetcher in
      /*) ;;
      */*) fetcher=$PWD/$fetcher ;;
    esac
    # The command is the comment of the generation too, so a simple name remains without quotes.
    case $fetcher in
      *[!A-Za-z0-9._/+-]*) fetcher=$(printf "'%s'" "$(printf '%s' "$fetcher" | sed "s/'/'\\\\''/g")") ;;
    esac
    # shellcheck disable=SC2016 # the shell that sqern starts expands these
    command=$fetcher' fetch "$SQERN_DISTRO" "$SQERN_VERSION" --to "$SQERN_TREE"'
  fi
fi
if [ -n "$command" ]; then set -- "$@" "--command=$command"; fi

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
exec "$sqern" fetch "$@"
