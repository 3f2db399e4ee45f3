//! The privileges of the user in the schema of a store. Opening the store checks them. Otherwise a
//! command would fail later, with a message about one object.

use fluvius_store::StoreError;
use tokio_postgres::Client;

use crate::error::Fault;

/// Selects the `GRANT` statements for the privileges that the user lacks, and the name of the user.
/// Every user may execute functions, unless that was revoked.
const MISSING: &str = "
    WITH needed (name, privileges) AS (VALUES
        ('schema_version', ARRAY['SELECT']),
        ('resource_owner', ARRAY['SELECT', 'INSERT']),
        ('resource_state', ARRAY['SELECT', 'INSERT', 'UPDATE']),
        ('context_log', ARRAY['SELECT', 'INSERT']),
        ('command_log', ARRAY['SELECT', 'INSERT']),
        ('event_log', ARRAY['SELECT', 'INSERT']),
        ('message_log', ARRAY['SELECT', 'INSERT']),
        ('activity_log', ARRAY['SELECT', 'INSERT']),
        ('lease', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
        ('field', ARRAY['SELECT']),
        ('work', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
        ('incarnation', ARRAY['SELECT', 'INSERT', 'UPDATE'])
    ), relation AS (
        SELECT c.oid, c.relname, c.relkind FROM pg_class AS c
        WHERE c.relnamespace = to_regnamespace(quote_ident($1))
    ), lacked (privileges, object) AS (
        SELECT 'USAGE', 'SCHEMA ' || quote_ident($1)
        WHERE NOT has_schema_privilege(quote_ident($1), 'USAGE')
        UNION ALL
        SELECT array_to_string(n.privileges, ', '), quote_ident($1) || '.' || quote_ident(r.relname)
        FROM relation AS r
        JOIN (
            SELECT name, privileges FROM needed
            UNION ALL
            SELECT relname, ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] FROM relation
            WHERE relkind = 'r' AND relname ~ '^field_[0-9]+$'
        ) AS n ON n.name = r.relname
        WHERE EXISTS (SELECT FROM unnest(n.privileges) AS privilege
            WHERE NOT has_table_privilege(r.oid, privilege))
        UNION ALL
        SELECT 'USAGE, UPDATE', 'SEQUENCE ' || quote_ident($1) || '.' || quote_ident(relname)
        FROM relation
        WHERE relkind = 'S' AND relname IN ('position', 'work_token')
            AND NOT (has_sequence_privilege(oid, 'USAGE') AND has_sequence_privilege(oid, 'UPDATE'))
        UNION ALL
        SELECT DISTINCT 'EXECUTE', 'ALL FUNCTIONS IN SCHEMA ' || quote_ident($1) FROM pg_proc
        WHERE pronamespace = to_regnamespace(quote_ident($1))
            AND NOT has_function_privilege(oid, 'EXECUTE')
    ), grants (rank, text) AS (
        SELECT min(CASE WHEN object LIKE 'SCHEMA %' THEN 0 ELSE 1 END),
            'GRANT ' || privileges || ' ON ' || string_agg(object, ', ' ORDER BY object)
                || ' TO ' || quote_ident(current_user)
        FROM lacked
        GROUP BY privileges, CASE WHEN object LIKE '% %' THEN object ELSE '' END
    )
    SELECT string_agg(text, '; ' ORDER BY rank, text), current_user::text FROM grants";

/// Fails if the user lacks a privilege in a schema with the tables of a store. The error contains
/// the missing `GRANT`.
pub(crate) async fn check(client: &Client, schema: &str) -> Result<(), Fault> {
    let row = client.query_one(MISSING, &[&schema]).await?;
    let (grants, user): (Option<String>, String) = (row.try_get(0)?, row.try_get(1)?);
    match grants {
        None => Ok(()),
        Some(grants) => Err(StoreError::permanent(format!(
            "the user `{user}` lacks privileges in the schema `{schema}`: run `{grants}` as its \
            owner"
        ))
        .into()),
    }
}

/// Fails if the user may not create the schema, or tables in it.
pub(crate) async fn check_create(client: &Client, schema: &str) -> Result<(), Fault> {
    let sql = "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, \
        'CREATE'), has_database_privilege(current_database(), 'CREATE'), \
        quote_ident(current_database()), quote_ident(current_user), quote_ident($1), \
        current_user::text FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1";
    let row = client.query_one(sql, &[&schema]).await?;
    let text = |index| row.try_get::<_, String>(index);
    let (database, user, schema, shown) = (text(2)?, text(3)?, text(4)?, text(5)?);
    let remedy = match (row.try_get::<_, Option<bool>>(0)?, row.try_get(1)?) {
        (Some(true), _) | (None, true) => return Ok(()),
        (Some(false), _) => {
            format!("`GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}` as its owner")
        }
        (None, false) => format!(
            "`CREATE SCHEMA {schema} AUTHORIZATION {user}`, or `GRANT CREATE ON DATABASE \
            {database} TO {user}`, as an administrator"
        ),
    };
    Err(StoreError::permanent(format!(
        "the user `{shown}` lacks the privilege to create the tables of the store in the schema \
        {schema}: run {remedy}"
    ))
    .into())
}
