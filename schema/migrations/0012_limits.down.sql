DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
          AND (conname LIKE '%\_length\_check' OR conname LIKE '%\_limit\_check' OR conname IN ('generation_comment_check', 'kver_ignore_comment_check'))
        UNION ALL
        SELECT DISTINCT format('REVOKE INSERT ON %s FROM sqern_writer; GRANT INSERT ON %1$s TO sqern_writer', a.attrelid::regclass)
        FROM pg_attribute a
        WHERE a.attacl IS NOT NULL AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
