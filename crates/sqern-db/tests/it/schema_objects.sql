-- Lists the objects of the schema public with their definitions, owners, privileges and comments, one line for each object. NOT NULL
-- constraints are properties of columns here. In PostgreSQL 18 they also have names, which do not change when a column is renamed.
SELECT replace(line, E'\n', E'\n    ') FROM (
    SELECT format('schema %s, %s: %s', nspname, nspowner::regrole, (
        SELECT string_agg(format('%s %s', grantee::regrole, privilege_type), ', ' ORDER BY grantee::regrole::text, privilege_type)
        FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner)))))
    FROM pg_namespace WHERE nspname = 'public'
    UNION ALL
    SELECT format('relation %s %s of %s: %s; %s; %s', relkind, oid::regclass, relowner::regrole, reloptions, (
        SELECT string_agg(format('%s %s', grantee::regrole, privilege_type), ', ' ORDER BY grantee::regrole::text, privilege_type)
        FROM aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)))
        WHERE privilege_type <> 'MAINTAIN'), obj_description(oid, 'pg_class'))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('column %s.%s %s %s: %s %s %s %s, %s; %s', attrelid::regclass, attname, format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'NOT NULL' END, attidentity, attgenerated, pg_get_expr(adbin, adrelid), attcollation::regcollation,
        attacl, col_description(attrelid, attnum))
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('constraint %s on %s: %s; %s', conname, conrelid::regclass, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT format('index %s; %s', pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class'))
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('view %s: %s', oid::regclass, pg_get_viewdef(oid))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT format('trigger %s, %s', pg_get_triggerdef(pg_trigger.oid), tgenabled)
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal
    UNION ALL
    SELECT format('function of %s: %s; %s; %s', proowner::regrole, pg_get_functiondef(oid), (
        SELECT string_agg(format('%s %s', grantee::regrole, privilege_type), ', ' ORDER BY grantee::regrole::text, privilege_type)
        FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))), obj_description(oid, 'pg_proc'))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a'
    UNION ALL
    SELECT format('sequence %s: %s', seqrelid::regclass, row(seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)::text)
    FROM pg_sequence
) AS object (line)
ORDER BY line COLLATE "C"
