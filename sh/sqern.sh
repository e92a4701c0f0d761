# shellcheck shell=sh
# POSIX shell functions for programs that read or change a sqern database with psql. Source this file:
#
#     . sh/sqern.sh
#     sqern_query -c "SELECT version FROM kver WHERE distro = $(sql_quote "$distro")" || exit
#
# sql_quote VALUE                      prints VALUE as an SQL string literal
# sqern_copy_row VALUE…                prints a row for COPY … FROM STDIN
# sqern_query PSQL-ARGUMENT…           runs read-only queries and prints rows as lines with tab-separated columns
# sqern_change COMMENT PSQL-ARGUMENT…  runs changes as one transaction and one generation
# sqern_psql PSQL-ARGUMENT…            runs psql noninteractively, in one transaction
#
# The database is selected by PGSERVICE, PGHOST and the other variables of libpq, or by the psql argument `-d service=NAME`. The exit
# status is that of psql: 0 success, 1 or 3 an error of psql or of a query, 2 a connection failure. A usage error returns 2 as well.
# The functions work with `set -eu`. Names with the prefix _sqern_ are internal. docs/reference/shell.md contains examples.

# Sets _sqern_text to $1 with every character $2 replaced by $3.
_sqern_replace() {
  _sqern_rest=$1
  _sqern_text=
  while :; do
    case $_sqern_rest in
      *"$2"*) ;;
      *) break ;;
    esac
    _sqern_text=$_sqern_text${_sqern_rest%%"$2"*}$3
    _sqern_rest=${_sqern_rest#*"$2"}
  done
  _sqern_text=$_sqern_text$_sqern_rest
}

# sql_quote VALUE: prints VALUE as an SQL string literal with quotes: 'o''clock' for o'clock. VALUE can be any text, including quotes,
# backslashes and trailing newlines, because the literal ends with a quote in `$(sql_quote "$value")`.
sql_quote() {
  [ $# -eq 1 ] || { echo "sql_quote: expected 1 argument, found $#; usage: sql_quote \"\$value\"" >&2; return 2; }
  case $1 in
    *[\'\\]*) ;;
    *) printf "'%s'" "$1"; return ;;
  esac
  (
    LC_ALL=C # processes bytes, because bash drops invalid characters of the encoding
    _sqern_replace "$1" "'" "''"
    case $1 in
      # This form does not depend on standard_conforming_strings. The blank separates it from a preceding word.
      *\\*)
        _sqern_replace "$_sqern_text" \\ \\\\
        printf " E'%s'" "$_sqern_text"
        ;;
      *) printf "'%s'" "$_sqern_text" ;;
    esac
  )
}

_sqern_tab=$(printf '\t')
_sqern_return=$(printf '\r')
_sqern_newline='
'

# sqern_copy_row VALUE…: prints a row in the text format of COPY: escaped values, separated by tabs, with a newline at the end. A value can
# be any text. For NULL, omit the column from the column list of COPY, or read empty values as NULL with COPY … (NULL '').
sqern_copy_row() {
  [ $# -gt 0 ] || {
    echo "sqern_copy_row: no values specified; usage: sqern_copy_row \"\$distro\" \"\$version\"" >&2
    return 2
  }
  _sqern_row=
  for _sqern_value; do
    case $_sqern_value in
      *[\\"$_sqern_tab$_sqern_newline$_sqern_return"]*)
        # The escaped value contains no newline that $() could remove.
        _sqern_value=$(
          LC_ALL=C
          _sqern_replace "$_sqern_value" \\ \\\\
          _sqern_replace "$_sqern_text" "$_sqern_tab" '\t'
          _sqern_replace "$_sqern_text" "$_sqern_newline" '\n'
          _sqern_replace "$_sqern_text" "$_sqern_return" '\r'
          printf '%s' "$_sqern_text"
        )
        ;;
    esac
    _sqern_row=$_sqern_row$_sqern_tab$_sqern_value
  done
  printf '%s\n' "${_sqern_row#?}"
}

# Checks that the psql arguments contain a command or file. $1 is the name of the caller.
_sqern_has_command() {
  _sqern_name=$1
  shift
  for _sqern_value; do
    case $_sqern_value in
      -[!-]*[cf]* | -[cf]* | --command* | --file*) return ;;
    esac
  done
  echo "$_sqern_name: no command specified; use -c 'SQL', -f FILE, or -f - for standard input" >&2
  return 2
}

# Runs psql with the options that all functions use.
_sqern_run() {
  psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=on --single-transaction "$@"
}

# sqern_psql PSQL-ARGUMENT…: runs psql noninteractively. All -c and -f arguments run in one transaction, and the first error rolls it back.
# ~/.psqlrc is not read, and psql does not prompt for a password.
sqern_psql() {
  # Without a command, psql would read standard input, and not in one transaction.
  _sqern_has_command sqern_psql "$@" || return
  _sqern_run "$@"
}

# sqern_query PSQL-ARGUMENT…: runs queries and prints rows as lines with tab-separated columns, without headers and counts. Options of psql
# (--csv, -F '|') change the format. The transaction is read-only, and all queries use the same snapshot.
sqern_query() {
  _sqern_has_command sqern_query "$@" || return
  _sqern_run --no-align --tuples-only --field-separator="$_sqern_tab" \
    -c 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY' "$@"
}

# sqern_change COMMENT PSQL-ARGUMENT…: changes the database. Starts a generation with the comment, runs -c and -f, and removes the generation
# if nothing changed. The format is that of sqern_query, so `INSERT … RETURNING id` prints the id only.
sqern_change() {
  [ $# -gt 0 ] || { echo "sqern_change: no comment specified; usage: sqern_change 'reason' -c 'UPDATE …'" >&2; return 2; }
  _sqern_comment=$(sql_quote "$1")
  shift
  _sqern_has_command sqern_change "$@" || return
  # In a condition, the results of the functions print no row.
  _sqern_run --no-align --tuples-only --field-separator="$_sqern_tab" \
    -c "SELECT WHERE generation_start($_sqern_comment) IS NULL" "$@" -c 'SELECT WHERE generation_drop_empty_current() IS NULL'
}
