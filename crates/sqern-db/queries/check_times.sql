SELECT format('table %s, row %s: %s is %s (repair: set it to a plausible time)', table_name, pkey, column_name, value)
FROM times_implausible()
LIMIT 20
