//! The questions to PostgreSQL's catalogs, from version 12 on. Each row of an answer is one line.

use crate::schema::History;

/// A list of things as text: what it is read from, and the line of each.
struct Question {
    /// The line, of the columns of `from`
    line: &'static str,
    /// Tables and conditions. `{own:catalog:oid}` stands for "neither the system's nor an extension's", `{relation:oid}` for
    /// the same of a relation other than the history, `{users:oid}` for "in a schema of users'", `{history}` for the history
    from: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        line: "concat_ws(' ', 'schema', quote_ident(nspname), 'of', pg_get_userbyid(nspowner))",
        from: "pg_namespace n WHERE {users:n.oid} AND nspname <> '{schema}' AND {own:pg_namespace:n.oid}",
    },
    Question {
        line: "concat_ws(' ', 'extension', quote_ident(extname), extversion, 'in', extnamespace::regnamespace)",
        from: "pg_extension",
    },
    // Relations and what belongs to them.
    Question {
        line: "concat_ws(' ', CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
            WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'type' END,
            c.oid::regclass, 'of', pg_get_userbyid(relowner), CASE relpersistence WHEN 'u' THEN 'unlogged' END,
            CASE relkind WHEN 'p' THEN 'by ' || pg_get_partkeydef(c.oid) END, pg_get_expr(relpartbound, c.oid),
            (SELECT 'inherits ' || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid),
            'of type ' || nullif(reloftype, 0)::regtype::text,
            CASE WHEN relrowsecurity THEN 'row security' END, CASE WHEN relforcerowsecurity THEN 'forced' END,
            CASE WHEN relreplident NOT IN ('d', 'n') OR relreplident = 'n' AND relkind = 'r' THEN concat('replica identity ', relreplident) END,
            'with ' || reloptions::text,
            (SELECT 'tablespace ' || spcname FROM pg_tablespace t WHERE t.oid = reltablespace),
            (SELECT 'using ' || amname FROM pg_am a WHERE a.oid = relam AND relkind IN ('r', 'm') AND amname <> 'heap'),
            (SELECT concat_ws(' ', 'server', srvname, ftoptions) FROM pg_foreign_table f
                JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid = c.oid))",
        from: "pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND {relation:c.oid}",
    },
    Question {
        line: "concat_ws(' ', 'column', c.oid::regclass || '.' || quote_ident(attname), format_type(atttypid, atttypmod),
            (SELECT concat('collate ', collnamespace::regnamespace, '.', quote_ident(collname)) FROM pg_collation l
                WHERE l.oid = attcollation AND attcollation <> typcollation),
            CASE WHEN attnotnull THEN 'not null' END,
            CASE attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
            CASE attgenerated WHEN '' THEN 'default ' ELSE concat('generated ', attgenerated, ' ') END || pg_get_expr(adbin, adrelid),
            CASE WHEN attstorage <> typstorage THEN concat('storage ', attstorage) END,
            'compression ' || nullif(to_jsonb(a) ->> 'attcompression', ''),
            CASE WHEN attinhcount > 0 THEN 'inherited' END, CASE WHEN attinhcount > 0 AND attislocal THEN 'local' END,
            'statistics ' || nullif(coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1), -1),
            'with ' || attoptions::text, 'with ' || attfdwoptions::text)",
        from: "pg_class c JOIN pg_attribute a ON attrelid = c.oid JOIN pg_type t ON t.oid = atttypid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND {relation:c.oid}",
    },
    Question {
        line: "concat_ws(' ', 'constraint', quote_ident(conname), 'on', coalesce(nullif(conrelid, 0)::regclass::text,
            contypid::regtype::text), pg_get_constraintdef(c.oid), CASE WHEN NOT convalidated THEN 'not valid' END,
            CASE WHEN NOT conislocal THEN 'inherited' END)",
        from: "pg_constraint c WHERE contype <> 't' AND (conrelid <> 0 AND {relation:conrelid}
            OR contypid <> 0 AND {own:pg_type:contypid})",
    },
    Question {
        line: "concat_ws(' ', 'index', pg_get_indexdef(indexrelid), CASE WHEN NOT indisvalid THEN 'invalid' END,
            CASE WHEN indisclustered THEN 'clustered' END, CASE WHEN indisreplident THEN 'replica identity' END,
            (SELECT 'tablespace ' || spcname FROM pg_tablespace t JOIN pg_class c ON t.oid = c.reltablespace WHERE c.oid = indexrelid))",
        from: "pg_index WHERE {relation:indrelid}",
    },
    Question {
        line: "concat_ws(' ', 'view', c.oid::regclass, 'as', pg_get_viewdef(c.oid),
            CASE WHEN relkind = 'm' AND NOT relispopulated THEN 'with no data' END)",
        from: "pg_class c WHERE relkind IN ('v', 'm') AND {relation:c.oid}",
    },
    Question {
        line: "concat_ws(' ', 'rule', pg_get_ruledef(r.oid), nullif(ev_enabled, 'O'))",
        from: "pg_rewrite r WHERE rulename <> '_RETURN' AND {relation:ev_class}",
    },
    Question {
        line: "concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), nullif(tgenabled, 'O'))",
        from: "pg_trigger t WHERE NOT tgisinternal AND {relation:tgrelid}",
    },
    Question {
        line: "concat_ws(' ', 'policy', quote_ident(polname), 'on', polrelid::regclass, polcmd, CASE WHEN polpermissive THEN
            'permissive' ELSE 'restrictive' END, (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r) END, ', '
            ORDER BY 1) FROM unnest(polroles) r), 'using ' || pg_get_expr(polqual, polrelid),
            'check ' || pg_get_expr(polwithcheck, polrelid))",
        from: "pg_policy WHERE {relation:polrelid}",
    },
    Question {
        line: "concat_ws(' ', 'sequence', seqrelid::regclass, 'as', seqtypid::regtype, 'from', seqstart, 'by', seqincrement,
            'between', seqmin, 'and', seqmax, 'cache', seqcache, CASE WHEN seqcycle THEN 'cycle' END,
            (SELECT concat('owned by ', refobjid::regclass, '.', quote_ident(attname)) FROM pg_depend JOIN pg_attribute
                ON attrelid = refobjid AND attnum = refobjsubid WHERE classid = 'pg_class'::regclass AND objid = seqrelid
                AND deptype IN ('a', 'i') AND refclassid = 'pg_class'::regclass AND refobjsubid > 0))",
        from: "pg_sequence WHERE {relation:seqrelid}",
    },
    Question {
        line: "concat_ws(' ', 'statistics', pg_get_statisticsobjdef(s.oid))",
        from: "pg_statistic_ext s WHERE {relation:stxrelid}",
    },
    // Types and functions.
    Question {
        line: "concat_ws(' ', CASE typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'm' THEN
            'multirange' ELSE 'base type' END, t.oid::regtype, 'of', pg_get_userbyid(typowner),
            (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
            CASE typtype WHEN 'd' THEN 'as ' || format_type(typbasetype, typtypmod) END, CASE WHEN typnotnull THEN 'not null' END,
            'default ' || typdefault, (SELECT 'over ' || rngsubtype::regtype::text FROM pg_range WHERE rngtypid = t.oid))",
        from: "pg_type t WHERE (typtype IN ('e', 'd', 'r', 'm') OR typtype = 'b' AND NOT EXISTS
            (SELECT FROM pg_type e WHERE e.typarray = t.oid)) AND {users:typnamespace} AND {own:pg_type:t.oid}",
    },
    Question {
        line: "concat_ws(' ', 'routine', p.oid::regprocedure, 'of', pg_get_userbyid(proowner), CASE prokind WHEN 'a' THEN
            (SELECT concat_ws(' ', aggtransfn, aggfinalfn, aggtranstype::regtype, agginitval, aggcombinefn, aggmtransfn)
                FROM pg_aggregate WHERE aggfnoid = p.oid) ELSE pg_get_functiondef(p.oid) END)",
        from: "pg_proc p WHERE {users:pronamespace} AND {own:pg_proc:p.oid}",
    },
    Question {
        line: "concat_ws(' ', 'event trigger', quote_ident(evtname), evtevent, evtfoid::regprocedure, evtenabled, evttags)",
        from: "pg_event_trigger e WHERE {own:pg_event_trigger:e.oid}",
    },
    // Of the whole database.
    Question {
        line: "concat_ws(' ', 'setting of the database', 'for ' || nullif(setrole, 0)::regrole::text, setting)",
        from: "pg_db_role_setting, unnest(setconfig) setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
    },
    Question {
        line: "concat_ws(' ', 'default privileges of', pg_get_userbyid(defaclrole), 'in ' || nullif(defaclnamespace, 0)::regnamespace::text,
            defaclobjtype, item)",
        from: "pg_default_acl, unnest(defaclacl) item",
    },
    Question {
        line: "concat_ws(' ', 'publication', quote_ident(pubname), to_jsonb(p) - 'oid' - 'pubowner')",
        from: "pg_publication p",
    },
    Question {
        line: "concat_ws(' ', 'publication', quote_ident(pubname), 'of', quote_ident(schemaname) || '.' || quote_ident(tablename))",
        from: "pg_publication_tables",
    },
    Question {
        line: "concat_ws(' ', 'user mapping', usename, 'on', quote_ident(srvname), umoptions)",
        from: "pg_user_mappings",
    },
    Question {
        line: "concat_ws(' ', 'server', quote_ident(srvname), srvtype, srvversion, srvoptions)",
        from: "pg_foreign_server s WHERE {own:pg_foreign_server:s.oid}",
    },
    Question {
        line: "concat_ws(' ', 'security label on', objtype, objname, provider, label)",
        from: "pg_seclabels",
    },
    // Comments on anything, and on the database.
    Question {
        line: "concat('comment on ', o.type, ' ', o.identity, ': ', description)",
        from: "pg_description d, pg_identify_object(classoid, objoid, objsubid) o WHERE (objoid >= 16384 OR o.schema = 'public'
            OR o.type = 'schema' AND o.name = 'public') AND objoid NOT IN {history} AND NOT EXISTS
            (SELECT FROM pg_depend member WHERE member.classid = classoid AND member.objid = objoid AND member.deptype = 'e')",
    },
    Question {
        line: "'comment on the database: ' || shobj_description(oid, 'pg_database')",
        from: "pg_database WHERE datname = current_database()",
    },
];

/// The kinds of which a name is enough.
const NAMED: [&str; 16] = [
    "pg_am",
    "pg_cast",
    "pg_collation",
    "pg_conversion",
    "pg_foreign_data_wrapper",
    "pg_language",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_transform",
    "pg_ts_config",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_amop",
    "pg_amproc",
];

/// What has privileges: the catalog, the name of one, its privileges, the letter by which their default is found, the owner,
/// and which of them are meant.
const PRIVILEGED: [[&str; 6]; 6] = [
    [
        "pg_class c",
        "c.oid::regclass",
        "relacl",
        "CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\"",
        "relowner",
        "{relation:c.oid}",
    ],
    [
        "pg_attribute JOIN pg_class c ON c.oid = attrelid",
        "c.oid::regclass || '.' || quote_ident(attname)",
        "attacl",
        "'c'",
        "relowner",
        "NOT attisdropped AND {relation:c.oid}",
    ],
    [
        "pg_proc p",
        "p.oid::regprocedure",
        "proacl",
        "'f'",
        "proowner",
        "{users:pronamespace} AND {own:pg_proc:p.oid}",
    ],
    [
        "pg_type t",
        "t.oid::regtype",
        "typacl",
        "'T'",
        "typowner",
        "{users:typnamespace} AND {own:pg_type:t.oid}",
    ],
    [
        "pg_namespace n",
        "'schema ' || quote_ident(nspname)",
        "nspacl",
        "'n'",
        "nspowner",
        "{users:n.oid} AND nspname <> '{schema}'",
    ],
    ["pg_database", "'the database'", "datacl", "'d'", "datdba", "datname = current_database()"],
];

/// Everything but the order of columns.
pub(super) fn schema(history: &History) -> String {
    let mut all: Vec<String> =
        QUESTIONS.iter().map(|Question { line, from }| format!("SELECT {line} FROM {from}")).collect();
    all.extend(NAMED.iter().map(|catalog| {
        format!(
            "SELECT concat_ws(' ', o.type, o.identity) FROM {catalog} x, pg_identify_object('{catalog}'::regclass, x.oid, 0) o \
             WHERE {{own:{catalog}:x.oid}}"
        )
    }));
    all.extend(PRIVILEGED.iter().map(|[from, name, acl, kind, owner, condition]| {
        format!(
            "SELECT concat_ws(' ', 'privileges on', {name}, what, item) FROM {from}, LATERAL \
             (SELECT 'granted' AS what, item FROM unnest({acl}) item WHERE NOT item = ANY (acldefault({kind}, {owner})) UNION ALL \
             SELECT 'revoked', item FROM unnest(acldefault({kind}, {owner})) item WHERE NOT item = ANY ({acl})) changed \
             WHERE {acl} IS NOT NULL AND {condition}"
        )
    }));
    expanded(&all.join(";\n"), history)
}

/// The order of each table's columns.
pub(super) fn orders(history: &History) -> String {
    expanded(
        "SELECT concat('columns of ', c.oid::regclass, ': ', string_agg(quote_ident(attname), ', ' ORDER BY attnum)) \
         FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE attnum > 0 AND NOT attisdropped \
         AND relkind IN ('r', 'p', 'f', 'c') AND {relation:c.oid} GROUP BY c.oid",
        history,
    )
}

/// Each table's name, and the statement that gives its rows.
pub(super) fn selects(history: &History) -> String {
    expanded(
        "SELECT c.oid::regclass, format('SELECT %s FROM ONLY %s', (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) \
         FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), c.oid::regclass) \
         FROM pg_class c WHERE relkind = 'r' AND {relation:c.oid}",
        history,
    )
}

/// A text with its conditions written out.
fn expanded(text: &str, history: &History) -> String {
    let literal = |text: &str| text.replace('\'', "''");
    let schema = history.schema.as_deref().map(literal);
    let in_schema = schema.as_ref().map_or(String::new(), |schema| {
        format!(" AND relnamespace::regnamespace::text = quote_ident('{schema}')")
    });
    let table =
        format!("(SELECT oid FROM pg_class WHERE relname = '{}'{in_schema})", literal(&history.table));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (condition, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&condition_text(condition, &table, schema.as_deref().unwrap_or_default()));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn condition_text(condition: &str, history: &str, schema: &str) -> String {
    // The first oid that is not the system's own.
    let own = |catalog: &str, oid: &str| {
        format!(
            "({oid} >= 16384 OR '{catalog}' = 'pg_namespace') AND NOT EXISTS (SELECT FROM pg_depend member \
             WHERE member.classid = '{catalog}'::regclass AND member.objid = {oid} AND member.deptype = 'e')"
        )
    };
    match condition.split(':').collect::<Vec<_>>().as_slice() {
        ["own", catalog, oid] => own(catalog, oid),
        ["users", oid] => {
            format!(
                "EXISTS (SELECT FROM pg_namespace u WHERE u.oid = {oid} AND u.nspname !~ '^pg_' AND u.nspname <> 'information_schema')"
            )
        }
        ["relation", oid] => format!(
            "EXISTS (SELECT FROM pg_class r JOIN pg_namespace u ON u.oid = r.relnamespace WHERE r.oid = {oid} \
             AND u.nspname !~ '^pg_' AND u.nspname <> 'information_schema' AND r.oid NOT IN {history}) AND {}",
            own("pg_class", oid)
        ),
        ["history"] => history.to_owned(),
        ["schema"] => schema.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_written_out() {
        let history = History { schema: Some("o'ps".into()), table: "migrate_history".into() };
        let text = schema(&history) + &orders(&history) + &selects(&history);
        assert!(!text.contains(['{', '}']), "{text}");
        assert!(text.contains("nspname <> 'o''ps'") && text.contains("quote_ident('o''ps')"), "{text}");
        assert!(text.split("AND").all(|part| !part.trim().is_empty()), "{text}");
    }
}
