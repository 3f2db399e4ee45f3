//! Parameters of statements. The client logs their `Debug` text, so that text shows type and size,
//! and no value.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

/// The value of a parameter, with its type.
pub(crate) struct Param<'v> {
    value: Box<dyn ToSql + Sync + Send + 'v>,
    sql_type: Type,
}

/// Returns a parameter.
pub(crate) fn param<'v>(value: impl ToSql + Sync + Send + 'v, sql_type: Type) -> Param<'v> {
    Param { value: Box::new(value), sql_type }
}

/// Returns values as parameters of the types that the server has inferred.
pub(crate) fn typed<'v>(
    values: Vec<Box<dyn ToSql + Sync + Send + 'v>>,
    types: &[Type],
) -> Vec<Param<'v>> {
    values
        .into_iter()
        .zip(types)
        .map(|(value, sql_type)| Param { value, sql_type: sql_type.clone() })
        .collect()
}

/// Returns the parameters as the client takes them.
pub(crate) fn as_sql<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params
        .iter()
        .map(|param| {
            let param: &(dyn ToSql + Sync) = param;
            param
        })
        .collect()
}

impl Param<'_> {
    pub(crate) fn sql_type(&self) -> Type {
        self.sql_type.clone()
    }
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = BytesMut::new();
        match self.value.to_sql_checked(&self.sql_type, &mut bytes) {
            Ok(IsNull::Yes) => write!(f, "{}: null", self.sql_type),
            Ok(IsNull::No) => write!(f, "{}: {} bytes", self.sql_type, bytes.len()),
            Err(_) => write!(f, "{}: not encodable", self.sql_type),
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        sql_type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.value.to_sql_checked(sql_type, out)
    }

    fn accepts(_: &Type) -> bool {
        // The value itself checks the type.
        true
    }

    fn to_sql_checked(
        &self,
        sql_type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.value.to_sql_checked(sql_type, out)
    }

    fn encode_format(&self, sql_type: &Type) -> Format {
        self.value.encode_format(sql_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_of_a_parameter_has_type_and_size() {
        let secret = || "hunter2".to_owned();
        for (param, text) in [
            (param(secret(), Type::TEXT), "text: 7 bytes"),
            (param(vec![secret()], Type::TEXT_ARRAY), "_text: 31 bytes"),
            (param(None::<String>, Type::TEXT), "text: null"),
            (param(secret(), Type::INT8), "int8: not encodable"),
        ] {
            assert_eq!(format!("{param:?}"), text);
            assert_eq!(format!("{:?}", as_sql(std::slice::from_ref(&param))), format!("[{text}]"));
        }
    }
}
