//! The rights of the user in the schema of a store. They are checked when the store is opened, so that a command does
//! not fail on them later, with a message that names one object at a time.

use fluvius_core::StoreError;
use tokio_postgres::Client;

use crate::error::Fault;

/// The rights that commits, reads and leases need, as parts of `GRANT`, each with the objects that lack them. Functions
/// are granted to everyone unless somebody revokes that.
const MISSING: &str = "
    WITH needed (name, rights) AS (VALUES
        ('schema_version', ARRAY['SELECT']),
        ('resource_owner', ARRAY['SELECT', 'INSERT']),
        ('resource_state', ARRAY['SELECT', 'INSERT', 'UPDATE']),
        ('context_log', ARRAY['SELECT', 'INSERT']),
        ('command_log', ARRAY['SELECT', 'INSERT']),
        ('event_log', ARRAY['SELECT', 'INSERT']),
        ('message_log', ARRAY['SELECT', 'INSERT']),
        ('activity_log', ARRAY['SELECT', 'INSERT']),
        ('lease', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
        ('field', ARRAY['SELECT'])
    ), relation AS (
        SELECT c.oid, c.relname, c.relkind FROM pg_class AS c
        WHERE c.relnamespace = to_regnamespace(quote_ident($1))
    ), lacked (rights, object) AS (
        SELECT 'USAGE', 'SCHEMA ' || quote_ident($1)
        WHERE NOT has_schema_privilege(quote_ident($1), 'USAGE')
        UNION ALL
        SELECT array_to_string(n.rights, ', '), quote_ident($1) || '.' || quote_ident(r.relname)
        FROM relation AS r
        JOIN (
            SELECT name, rights FROM needed
            UNION ALL
            SELECT relname, ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] FROM relation
            WHERE relkind = 'r' AND relname ~ '^field_[0-9]+$'
        ) AS n ON n.name = r.relname
        WHERE EXISTS (SELECT FROM unnest(n.rights) AS wanted WHERE NOT has_table_privilege(r.oid, wanted))
        UNION ALL
        SELECT 'USAGE, UPDATE', 'SEQUENCE ' || quote_ident($1) || '.' || quote_ident(relname) FROM relation
        WHERE relkind = 'S' AND relname = 'position'
            AND NOT (has_sequence_privilege(oid, 'USAGE') AND has_sequence_privilege(oid, 'UPDATE'))
        UNION ALL
        SELECT DISTINCT 'EXECUTE', 'ALL FUNCTIONS IN SCHEMA ' || quote_ident($1) FROM pg_proc
        WHERE pronamespace = to_regnamespace(quote_ident($1)) AND NOT has_function_privilege(oid, 'EXECUTE')
    ), grants (rank, text) AS (
        SELECT min(CASE WHEN object LIKE 'SCHEMA %' THEN 0 ELSE 1 END),
            'GRANT ' || rights || ' ON ' || string_agg(object, ', ' ORDER BY object)
                || ' TO ' || quote_ident(current_user)
        FROM lacked
        GROUP BY rights, object LIKE '% %'
    )
    SELECT string_agg(text, '; ' ORDER BY rank, text), current_user::text FROM grants";

/// Fails if the user lacks a right in a schema that has the tables of a store. The error has the `GRANT` that is missing.
pub(crate) async fn check(client: &Client, schema: &str) -> Result<(), Fault> {
    let row = client.query_one(MISSING, &[&schema]).await?;
    let (grants, user): (Option<String>, String) = (row.try_get(0)?, row.try_get(1)?);
    match grants {
        None => Ok(()),
        Some(grants) => Err(StoreError::permanent(format!(
            "the user `{user}` lacks rights in the schema `{schema}`: run `{grants}` as its owner"
        ))
        .into()),
    }
}

/// Fails if the user may not make the schema, or nothing in it.
pub(crate) async fn check_making(client: &Client, schema: &str) -> Result<(), Fault> {
    let sql = "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), \
               has_database_privilege(current_database(), 'CREATE'), quote_ident(current_database()), \
               quote_ident(current_user), quote_ident($1), current_user::text \
               FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1";
    let row = client.query_one(sql, &[&schema]).await?;
    let text = |index| row.try_get::<_, String>(index);
    let (database, user, schema, shown) = (text(2)?, text(3)?, text(4)?, text(5)?);
    let remedy = match (row.try_get::<_, Option<bool>>(0)?, row.try_get(1)?) {
        (Some(true), _) | (None, true) => return Ok(()),
        (Some(false), _) => {
            format!("`GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}` as its owner")
        }
        (None, false) => format!(
            "`CREATE SCHEMA {schema} AUTHORIZATION {user}`, or `GRANT CREATE ON DATABASE {database} TO {user}`, as an \
             administrator"
        ),
    };
    Err(StoreError::permanent(format!(
        "the user `{shown}` lacks the right to make the tables of the store in the schema {schema}: run {remedy}"
    ))
    .into())
}
