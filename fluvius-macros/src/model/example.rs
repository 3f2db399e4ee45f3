//! The JSON example of a command, built from the written types.

use syn::{Expr, Lit, Type};

use super::{Action, Field, types};

/// Returns a code block with the payload. An unknown type is written as its name in `<..>`, and the
/// block is then `text` instead of `json`.
pub(crate) fn fence(action: &Action) -> String {
    let mut known = true;
    let fields: Vec<String> = action
        .fields()
        .map(|field| {
            let value = value_of(field).unwrap_or_else(|| {
                known = false;
                format!("<{}>", field.type_name())
            });
            format!("{}: {value}", quoted(&field.name))
        })
        .collect();
    let language = if known { "json" } else { "text" };
    format!("```{language}\n{}\n```", object(&fields))
}

fn object(fields: &[String]) -> String {
    const MAX_LINE: usize = 72;
    let line = fields.join(", ");
    if fields.is_empty() {
        "{}".to_owned()
    } else if line.len() <= MAX_LINE {
        format!("{{ {line} }}")
    } else {
        format!("{{\n  {}\n}}", fields.join(",\n  "))
    }
}

fn value_of(field: &Field) -> Option<String> {
    match &field.example {
        Some(expr) => of_literal(expr),
        None => of_type(&field.written),
    }
}

/// Returns a literal as JSON; `None` if it is no JSON value.
pub(crate) fn of_literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Unary(unary) => of_literal(&unary.expr).map(|value| format!("-{value}")),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(quoted(&text.value())),
            Lit::Char(text) => Some(quoted(&text.value().to_string())),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(value) => Some(value.value.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn of_type(ty: &Type) -> Option<String> {
    match ty {
        Type::Group(group) => of_type(&group.elem),
        Type::Paren(paren) => of_type(&paren.elem),
        Type::Slice(slice) => of_type(&slice.elem).map(|value| format!("[{value}]")),
        Type::Tuple(tuple) if tuple.elems.is_empty() => Some("null".to_owned()),
        Type::Tuple(tuple) => {
            let values: Option<Vec<String>> = tuple.elems.iter().map(of_type).collect();
            values.map(|values| format!("[{}]", values.join(", ")))
        }
        Type::Path(path) if path.qself.is_none() => of_path(ty),
        _ => None,
    }
}

fn of_path(ty: &Type) -> Option<String> {
    let name = types::last_segment(ty)?.ident.to_string();
    let arguments = types::arguments(ty);
    let inner = |at: usize| arguments.get(at).and_then(|argument| of_type(argument));
    let text = match name.as_str() {
        "String" | "str" => "\"text\"".to_owned(),
        "char" => "\"a\"".to_owned(),
        "bool" => "true".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "1".to_owned()
        }
        "f32" | "f64" => "1.5".to_owned(),
        "Decimal" => "\"10.00\"".to_owned(),
        "Uuid" => "\"01890a5d-ac96-774b-bcce-b302099a8057\"".to_owned(),
        "DateTime" => "\"2026-01-31T12:00:00Z\"".to_owned(),
        "NaiveDateTime" => "\"2026-01-31T12:00:00\"".to_owned(),
        "NaiveDate" => "\"2026-01-31\"".to_owned(),
        "NaiveTime" => "\"12:00:00\"".to_owned(),
        "Option" | "Box" | "Arc" | "Rc" => inner(0)?,
        "Cow" => inner(0)?,
        "Vec" | "VecDeque" | "BTreeSet" | "HashSet" => format!("[{}]", inner(0)?),
        "BTreeMap" | "HashMap" => {
            let key = inner(0)?;
            // In JSON every key of a map is a string.
            let key = if key.starts_with('"') { key } else { quoted(&key) };
            format!("{{ {key}: {} }}", inner(1)?)
        }
        _ => return None,
    };
    Some(text)
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
