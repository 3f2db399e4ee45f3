//! The JSON schema of one type, as a constant of the generated descriptors.

/// A function that returns the JSON schema of a type.
#[cfg(feature = "schema")]
pub type SchemaFunction = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// The JSON schema of a type, if the type has one.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct TypeSchema {
    type_name: &'static str,
    #[cfg(feature = "schema")]
    function: Option<SchemaFunction>,
}

impl TypeSchema {
    /// Returns the schema of a type about which only its name is known.
    pub const fn unknown(type_name: &'static str) -> Self {
        Self {
            type_name,
            #[cfg(feature = "schema")]
            function: None,
        }
    }

    /// Returns the schema of a type; `None` if it has none.
    #[cfg(feature = "schema")]
    pub const fn new(type_name: &'static str, function: Option<SchemaFunction>) -> Self {
        Self { type_name, function }
    }

    /// Returns the type, as the author wrote it.
    pub(crate) const fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// Generates the schema; one without requirements, with the type's name as title, if the type
    /// has none.
    #[cfg(feature = "schema")]
    pub(crate) fn generate(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        match self.function {
            Some(function) => function(generator),
            None => schemars::json_schema!({ "title": self.type_name }),
        }
    }

    /// Returns true if the type has no schema.
    #[cfg(feature = "schema")]
    pub(crate) const fn is_missing(&self) -> bool {
        self.function.is_none()
    }
}

impl std::fmt::Debug for TypeSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TypeSchema").field(&self.type_name).finish()
    }
}

impl PartialEq for TypeSchema {
    fn eq(&self, other: &Self) -> bool {
        self.type_name == other.type_name
    }
}

impl Eq for TypeSchema {}

/// Returns the schema of a type, as a reference if the type has a definition of its own.
#[cfg(feature = "schema")]
pub fn subschema<T: schemars::JsonSchema>(
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    generator.subschema_for::<T>()
}

/// A type with a JSON schema, which `#[aggregate(schema = "required")]` demands.
///
/// Without the feature `schema`, every type counts as one.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON schema",
    label = "no schema",
    note = "`#[aggregate(schema = \"required\")]` demands one: add \
        `#[derive(schemars::JsonSchema)]` to the type, and to each type inside it",
    note = "the schema of a parameter may also come from a function: `#[arg(schema = path)]` with \
        `fn(&mut SchemaGenerator) -> Schema`"
)]
pub trait HasSchema {}

#[cfg(feature = "schema")]
#[diagnostic::do_not_recommend]
impl<T: schemars::JsonSchema + ?Sized> HasSchema for T {}

#[cfg(not(feature = "schema"))]
impl<T: ?Sized> HasSchema for T {}

/// The descriptor of a field, from its names, its docs and its type, or after `=` a function that
/// returns its schema.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_field {
    ($name:expr, $type_name:expr, $docs:expr, = $function:expr) => {
        $crate::__private::FieldDescriptor::of(
            $name,
            $docs,
            $crate::__fluvius_schema!(= $function, $type_name),
        )
    };
    ($name:expr, $type_name:expr, $docs:expr, $type:ty) => {
        $crate::__private::FieldDescriptor::of(
            $name,
            $docs,
            $crate::__fluvius_schema!($type, $type_name),
        )
    };
}

/// The [`TypeSchema`] of a concrete type with its name; after `=`, by a function.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_schema {
    (= $function:expr, $type_name:expr) => {
        $crate::__private::TypeSchema::new($type_name, {
            // The annotation makes the compiler report the expected type at the path.
            let function: $crate::__private::SchemaFunction = $function;
            $crate::__private::core::option::Option::Some(function)
        })
    };
    ($type:ty, $type_name:expr) => {
        $crate::__private::TypeSchema::new($type_name, $crate::__fluvius_probe!($type, SCHEMA))
    };
}

/// The [`TypeSchema`] of a concrete type, of which only the name is known without the feature
/// `schema`.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_schema {
    (= $function:expr, $type_name:expr) => {
        $crate::__private::TypeSchema::unknown($type_name)
    };
    ($type:ty, $type_name:expr) => {
        $crate::__private::TypeSchema::unknown($type_name)
    };
}
