# shellcheck shell=sh
# Functions for shell programs that read or change a sqern database with psql. POSIX; to be sourced:
#
#     . sh/sqern.sh
#     sqern_query -c "SELECT version FROM kver WHERE distro = $(sql_quote "$distro")" || exit
#
# sql_quote VALUE                      prints VALUE as an SQL string literal
# sqern_copy_row VALUE…                prints a row for COPY … FROM STDIN
# sqern_query PSQL-ARGUMENT…           runs queries that only read; rows come as lines, columns separated by tabs
# sqern_change COMMENT PSQL-ARGUMENT…  runs changes as one transaction and one generation
# sqern_psql PSQL-ARGUMENT…            runs psql as a program needs it, in one transaction
#
# The database is found by PGSERVICE, PGHOST and libpq's other variables, or by `-d service=NAME` among psql's arguments. The exit
# status is psql's: 0 done, 1 or 3 an error of psql or of a query, 2 no connection; 2 too where a function is used wrongly.
# Works under `set -eu`. Names that begin with _sqern_ are its own. docs/shell.md shows how to use them.

# Sets _sqern_text to $1 with each $2 in it replaced by $3. $2 is one character.
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

# sql_quote VALUE: prints VALUE as an SQL string literal, its quotes included: o'clock gives 'o''clock'. Any text is right, with
# quotes, backslashes, newlines at the end too, for `$(sql_quote "$value")` takes none of them away.
sql_quote() {
  [ $# -eq 1 ] || { echo "sql_quote: expected one value, got $#; write: sql_quote \"\$value\"" >&2; return 2; }
  case $1 in
    *[\'\\]*) ;;
    *) printf "'%s'" "$1"; return ;;
  esac
  (
    LC_ALL=C # byte by byte: text that is not of the locale's encoding would make bash lose some of it
    _sqern_replace "$1" "'" "''"
    case $1 in
      # The form that reads backslashes alike whatever standard_conforming_strings says. A blank, for a word may stand before.
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

# sqern_copy_row VALUE…: prints a row in COPY's text format: the values escaped, tabs between them, a newline at the end. Any text
# is right. There is no word for NULL: leave the column out of COPY's list, or have empty values read as NULL by COPY … (NULL '').
sqern_copy_row() {
  [ $# -gt 0 ] || {
    echo "sqern_copy_row: expected the values of a row, got none; write: sqern_copy_row \"\$distro\" \"\$version\"" >&2
    return 2
  }
  _sqern_row=
  for _sqern_value; do
    case $_sqern_value in
      *[\\"$_sqern_tab$_sqern_newline$_sqern_return"]*)
        # None of them is left in it then, so the newline that $() would take away is not there either.
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

# Whether psql's arguments tell what to run. $1 is who asks.
_sqern_has_command() {
  _sqern_name=$1
  shift
  for _sqern_value; do
    case $_sqern_value in
      -[!-]*[cf]* | -[cf]* | --command* | --file*) return ;;
    esac
  done
  echo "$_sqern_name: expected -c or -f among psql's arguments, got none; write: -c 'SQL', -f FILE, or -f - for stdin" >&2
  return 2
}

# What the others run: psql for programs.
_sqern_run() {
  psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=on --single-transaction "$@"
}

# sqern_psql PSQL-ARGUMENT…: psql for programs. All -c and -f run as one transaction, the first error ends it and takes everything
# back; ~/.psqlrc is not read, and no password is asked for.
sqern_psql() {
  # Without one, psql would read standard input, and not as one transaction.
  _sqern_has_command sqern_psql "$@" || return
  _sqern_run "$@"
}

# sqern_query PSQL-ARGUMENT…: reads. Prints rows as lines and columns separated by tabs, without heads and counts; another form by
# psql's own options: --csv, -F '|'. The transaction is read only, and all its queries see the same state.
sqern_query() {
  _sqern_has_command sqern_query "$@" || return
  _sqern_run --no-align --tuples-only --field-separator="$_sqern_tab" \
    -c 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY' "$@"
}

# sqern_change COMMENT PSQL-ARGUMENT…: changes the database: starts a generation that says why, runs -c and -f, and drops the
# generation when nothing changed. Prints as sqern_query does, so that `INSERT … RETURNING id` prints the id alone.
sqern_change() {
  [ $# -gt 0 ] || { echo "sqern_change: expected a comment, got none; write: sqern_change 'why' -c 'UPDATE …'" >&2; return 2; }
  _sqern_comment=$(sql_quote "$1")
  shift
  _sqern_has_command sqern_change "$@" || return
  # Both functions return something, which as a condition prints no row.
  _sqern_run --no-align --tuples-only --field-separator="$_sqern_tab" \
    -c "SELECT WHERE generation_start($_sqern_comment) IS NULL" "$@" -c 'SELECT WHERE generation_drop_empty_current() IS NULL'
}
