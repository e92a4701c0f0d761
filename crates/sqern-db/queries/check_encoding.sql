SELECT format('the database has the encoding %s', current_setting('server_encoding'))
WHERE current_setting('server_encoding') <> 'UTF8'
